package main

import (
	"fmt"
	"os"
)

type Conn struct {
	Id   int
	Name string
	W    float64
}

//go:noinline
func Handle(c *Conn, n int32, s string, f float64) (int, error) {
	fmt.Println(c.Id, n, s, f)
	return c.Id + int(n) + len(s), nil
}

//go:noinline
func ByValue(c Conn, sl []int, e error) Conn {
	c.Id += len(sl)
	if e != nil {
		c.W = 1
	}
	return c
}

//go:noinline
func (c *Conn) Method(k int) int { return c.Id * k }

func deep(n int, c *Conn) int {
	if n == 0 {
		r, _ := Handle(c, -3, "hello", 2.5)
		return r
	}
	return deep(n-1, c) + 1
}

func main() {
	c := &Conn{7, "seven", 1.5}
	fmt.Println(deep(3, c))
	d := ByValue(*c, []int{1, 2, 3}, nil)
	done := make(chan int)
	go func() { done <- c.Method(3) }()
	fmt.Println(<-done, d.Id)
	if len(os.Args) > 5 {
		panic("x")
	}
}

// Parameters as Rust passes them: references, pairs, large structs, numbers that float.
use std::collections::HashMap;

pub struct Conn {
    pub id: u32,
    pub w: f64,
    pub name: String,
}
#[derive(Clone, Copy)]
pub struct Pt {
    pub x: i32,
    pub y: i32,
}
#[derive(Clone, Copy)]
pub struct Big {
    pub a: [u64; 6],
}

#[inline(never)]
pub fn handle(c: &Conn, n: i32, s: &str, f: f64) -> i64 {
    println!("{} {} {} {}", c.id, n, s, f);
    c.id as i64 + n as i64 + s.len() as i64
}

#[inline(never)]
pub fn by_value(p: Pt, b: Big, o: Option<u32>, sl: &[u64]) -> Pt {
    Pt { x: p.x + b.a[5] as i32 + o.unwrap_or(3) as i32, y: sl.len() as i32 + p.y }
}

fn main() {
    let mut m: HashMap<i32, i64> = HashMap::new();
    let c = Conn { id: 7, w: 1.5, name: String::from("seven") };
    let n = handle(&c, -3, "hello", 2.5 + c.w);
    let p = by_value(Pt { x: 1, y: 2 }, Big { a: [5; 6] }, Some(9), &[1, 2, 3]);
    *m.entry(p.x).or_insert(n) += 1;
    println!("{} {}", p.y, c.name.len() + m.len());
}

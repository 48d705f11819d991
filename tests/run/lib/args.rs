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

pub enum Msg {
    Quit,
    Move { x: i32, y: i32 },
    Text(String),
}

// Results and strings are passed by address: what comes behind them must not shift.
#[inline(never)]
pub fn owned(r: Result<i32, String>, s: String, m: Msg, o: Option<&Conn>, n: i32) -> Option<u64> {
    let k = match m {
        Msg::Quit => 0,
        Msg::Move { x, y } => x + y,
        Msg::Text(t) => t.len() as i32,
    };
    match r {
        Ok(v) => Some((v + k + n) as u64 + s.len() as u64 + o.map_or(0, |c| c.id as u64)),
        Err(_) => None,
    }
}

fn main() {
    let mut m: HashMap<i32, i64> = HashMap::new();
    let c = Conn { id: 7, w: 1.5, name: String::from("seven") };
    let n = handle(&c, -3, "hello", 2.5 + c.w);
    let p = by_value(Pt { x: 1, y: 2 }, Big { a: [5; 6] }, Some(9), &[1, 2, 3]);
    *m.entry(p.x).or_insert(n) += 1;
    println!("{} {}", p.y, c.name.len() + m.len());
    let moved = owned(Ok(5), "owned".to_string(), Msg::Move { x: 8, y: -2 }, Some(&c), 77);
    let text = owned(Err("bad".to_string()), "s".to_string(), Msg::Text("t".to_string()), None, 78);
    println!("{:?} {:?} {:?}", moved, text, owned(Ok(1), p.x.to_string(), Msg::Quit, None, 79));
}

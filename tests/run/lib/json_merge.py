import json, os, random, subprocess
random.seed(3)
def number():
    v = random.getrandbits(random.randrange(1, 62))
    return random.choice([v, -v, 0, 1, -1, 2**62, -2**62, 100, 7])
values = [number() for _ in range(90)]
funcs = ["count()", "sum(V)", "min(V)", "max(V)", "avg(V)", "stddev(V)", "quantize(V)", "lquantize(V, -50, 50, 7)", "llquantize(V, 10, 0, 9, 20)"]
def run(vs):
    with open("s.d", "w") as f:
        for v in vs:
            f.write("BEGIN { " + " ".join("@a%d[%d] = %s;" % (i, v % 3, s.replace("V", "(%d)" % v)) for i, s in enumerate(funcs)) + " }\n")
        f.write("BEGIN { normalize(@a1, 10); exit(0); }")
    out = subprocess.run([os.environ["DTRACE"], "-x", "oformat=json", "-qs", "s.d"], stdout=subprocess.PIPE, check=True).stdout
    rows = [json.loads(l) for l in out.decode().splitlines()]
    return {(r["name"], r["keys"][0]["value"]): (r["function"], r["state"]) for r in rows if r["type"] == "aggregation"}
wrap = lambda x, bits: (x + 2**(bits - 1)) % 2**bits - 2**(bits - 1)
def merge(f, a, b):
    r = dict(a, hits=a["hits"] + b["hits"])
    for k in "count", "sum":
        if k in a: r[k] = wrap(a[k] + b[k], 64)
    if "sum_of_squares" in a: r["sum_of_squares"] = str((int(a["sum_of_squares"]) + int(b["sum_of_squares"])) % 2**128)
    if f in ("min", "max"): r[f] = {"min": min, "max": max}[f](a[f], b[f])
    if "buckets" in a:
        c = {}
        for x in a["buckets"] + b["buckets"]: c[x["bucket"]] = dict(x, count=c.get(x["bucket"], x)["count"] + x["count"] if x["bucket"] in c else x["count"])
        r["buckets"] = [c[k] for k in sorted(c)]
    return r
whole, merged = run(values), {}
for part in values[:30], values[30:60], values[60:]:
    for k, (f, st) in run(part).items():
        merged[k] = (f, merge(f, merged[k][1], st) if k in merged else st)
print(len(whole), {f for f, _ in whole.values()} == {s.split("(")[0] for s in funcs})
print([k for k in whole if whole[k] != merged[k]])

import json, os, random, subprocess
import xml.dom.minidom
random.seed(7)
pools = [bytes(range(1, 256)), "é€𝄞\u2028\ufeff\"\\/\b\f\n\r\t".encode(),
    b"\xed\xa0\x80\xff\xfe\xc0\x80\xf4\x90\x80\x80\xe2\x82", b"<>&]]>\x1b\x7f\x01{}[],:"]
def some(n):
    b = b""
    while len(b) < n:
        p = random.choice(pools); i = random.randrange(len(p)); b += p[i:i + random.randrange(1, 6)]
    return b[:n]
strings = [b"", b"\\", b"\"", b"\xff"] + [some(random.randrange(1, 60)) for _ in range(60)]
lit = lambda b: '"' + "".join("\\%03o" % c for c in b) + '"'
def run(fmt):
    body = "".join('BEGIN { trace(%s); printf("%%s", %s); print(%s); @[%s, %d] = count(); }\n' % (lit(s), lit(s), lit(s), lit(s), i)
        for i, s in enumerate(strings))
    with open("s.d", "w") as f: f.write(body + "BEGIN { exit(0); }")
    return subprocess.run([os.environ["DTRACE"], "-x", "oformat=" + fmt, "-qs", "s.d"], stdout=subprocess.PIPE, check=True).stdout
def value(v): return bytes.fromhex(v["hex"]) if "hex" in v else v["value"].encode()
lines = [json.loads(l.decode("utf-8", "strict")) for l in run("json").split(b"\n")[:-1]]
got = [value(l["data"][0]["values"][0]) for l in lines if l["type"] == "record" and l["data"][0]["action"] == "trace"]
print(got == strings)
said = [l["data"][1] for l in lines if l["type"] == "record" and l["data"][0]["action"] == "trace"]
print([bytes.fromhex(m["hex"]) if "hex" in m else m["message"].encode() for m in said] == strings)
keys = {l["keys"][1]["value"]: value(l["keys"][0]) for l in lines if l["type"] == "aggregation"}
print(keys == dict(enumerate(strings)))
print(all(l["v"] == 1 and l["timestamp"] > 0 for l in lines), lines[0]["type"], lines[0]["schema"])
print(all(l["pid"] and l["tid"] and l["probe"]["name"] == "BEGIN" for l in lines if l["type"] == "record"))
for fmt in "xml", "xml,pretty":
    print(xml.dom.minidom.parseString(run(fmt)).documentElement.tagName)
text = run("json,pretty").decode("utf-8", "strict"); n = 0
while text.strip():
    o, e = json.JSONDecoder().raw_decode(text.lstrip()); text = text.lstrip()[e:]; n += 1
print(n == len(lines))

#!/usr/bin/env python3
"""make test-report: the page of make report in a headless Chromium (tools/packages.report).

Each case is a function of a browser with the report of one run open in it; what a script throws and
what asks for the network fails any of them. SHOTS=folder keeps a picture of every view there, light
and dark, wide and narrow.
"""
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import suite  # noqa: E402
import synthetic  # noqa: E402
from browser import Browser, BrowserError  # noqa: E402

LARGE = 1000000
VIEWS = ["overview", "space", "faults", "tables", "frames", "buddy", "slab", "sites", "counters"]


def expect(what, got, wanted):
    assert got == wanted, f"{what}: {got!r} instead of {wanted!r}"


def text(browser, selector):
    return browser.run(f"document.querySelector({selector!r})?.innerText ?? null")


def show(browser, view):
    browser.run(f"document.getElementById({view!r}).scrollIntoView({{behavior: 'instant'}})")
    browser.settle()
    browser.settle()


def box(browser, selector):
    return browser.run(f"(() => {{ const b = document.querySelector({selector!r})"
                       ".getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()")


def painted(browser, selector):
    """How many colours a canvas shows."""
    return browser.run(
        f"(() => {{ const c = document.querySelector({selector!r}); const d = new Uint32Array(c"
        ".getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);"
        "return new Set(d).size; })()")


# --- Cases ---

def all_views(browser, report):
    """Every view is there, with its sentence, and its pictures are painted."""
    for view in VIEWS:
        show(browser, view)
        assert len(text(browser, f"#{view} .lead") or "") > 40, f"{view} says nothing"
    for view in "space", "faults", "tables", "frames", "buddy":
        show(browser, view)
        assert painted(browser, f"#{view} canvas") > 2, f"{view} is not painted"


def same_account(browser, report):
    """The legend of the frames at the end is the account that the kernel's own array gives."""
    show(browser, "frames")
    shown = dict(re.findall(r"(.+?)\s+([\d,]+)\n?", text(browser, "#frames .legend") + "\n"))
    count = lambda name: int(shown[name].replace(",", ""))
    expect("private memory", count("private memory"), report.account["anon"])
    expect("page tables", count("page tables"), report.account["pgtable"])
    expect("free", count("free"),
           sum(report.account[name] for name in ("free", "free-tail", "pcp")))


def time_slider(browser, report):
    """In the beginning there is no private memory yet; going to the end all is as before."""
    show(browser, "frames")
    before = text(browser, "#frames .legend")
    slide = ("(() => {{ const s = document.querySelector('#frames input[type=range]');"
             "s.value = {}; s.dispatchEvent(new Event('input')); }})()")
    browser.run(slide.format(0))
    assert "private memory" not in text(browser, "#frames .legend"), "some is there at the start"
    browser.run("[...document.querySelectorAll('#frames button')]"
                ".find((button) => /end/.test(button.innerText)).click()")
    expect("the legend", text(browser, "#frames .legend"), before)


def one_page(browser, report):
    """A page chosen in the map says what it is, and its frame tells its life."""
    show(browser, "space")
    browser.run("(() => { const c = document.querySelector('#space .area canvas'), b = c."
                "getBoundingClientRect(); c.dispatchEvent(new MouseEvent('click', "
                "{clientX: b.left + 8, clientY: b.top + 8})); })()")
    first = report.spaces[report.shown]["areas"][0]["start"]
    assert f"{first:08x}" in text(browser, "#space .detail"), text(browser, "#space .detail")
    i = report.spaces[report.shown]["pt"][0]
    life = text(browser, "#frames .split > :last-child")
    assert f"Frame {report.pt_lo[i] >> 12:05x}" in life and "[object" not in life, life
    assert f"{report.spaces[report.shown]['pid']}: {first:08x}" in life, life


def listed(browser):
    return int(re.match(r"[\d,]+", text(browser, "#faults .grow"))[0].replace(",", ""))


def drag(browser, start, end):
    browser.mouse("mousePressed", *start, button="left", buttons=1)
    browser.mouse("mouseMoved", *end, button="left", buttons=1)
    browser.mouse("mouseReleased", *end, button="left")
    browser.settle()


def brush(browser, report):
    """Dragging along the bars lists the faults of that time; over the dots those of the addresses
    too; Escape lists all again."""
    show(browser, "faults")
    times, everything = report.f_time, listed(browser)
    expect("faults", everything, len(times))
    x, y, width, height = box(browser, "#faults canvas")
    left, plot, end = x + 132, int(width) - 138, times[-1] + 1  # faults.js: LEFT, plot()
    begin = max(0, times[0] - -(-(end - times[0]) // 60))
    points = [left + plot * part for part in (.2, .7)]
    when = [begin + (point - left) / plot * (end - begin) for point in points]
    wanted = sum(when[0] <= time <= when[1] for time in times)
    drag(browser, (points[0], y + 30), (points[1], y + 40))
    assert abs(listed(browser) - wanted) <= 1, f"{listed(browser)} listed, {wanted} in the brush"
    assert 1 < wanted < everything, "the brush chooses all or nothing"
    drag(browser, (points[0], y + height * .8), (points[1], y + height * .9))
    assert 0 < listed(browser) < wanted, f"{listed(browser)} of {wanted} lie so low"
    browser.run("document.querySelector('#faults canvas').focus()")
    browser.key("Escape")
    expect("faults after Escape", listed(browser), everything)


def frame_map(browser, report):
    """Each owner has as much of the map as it has frames."""
    show(browser, "frames")
    pixels = lambda kind: browser.run(
        "(() => { const c = document.querySelector('#frames .split canvas'), root = document."
        "documentElement; const wanted = parseInt(getComputedStyle(root).getPropertyValue('--k-" +
        kind + "').trim().slice(1), 16); const d = c.getContext('2d').getImageData(0, 0, c.width, "
        "c.height).data; let n = 0; for (let i = 0; i < d.length; i += 4) n += (d[i] << 16 | "
        "d[i + 1] << 8 | d[i + 2]) === wanted; return n; })()")
    each = pixels("slab") / report.account["slab"]
    for kind in "cache", "anon", "pgtable":
        share = pixels(kind) / report.account[kind]
        assert each and abs(share / each - 1) < .2, f"{kind}: {share} pixels a frame, slab: {each}"


def zoom(browser, report):
    """Plus shows less, and the axis says so."""
    show(browser, "faults")
    browser.run("document.querySelector('#faults canvas').focus()")
    for _ in range(4):
        browser.key("+", "+")
    browser.settle()
    assert "window" in text(browser, "#faults .grow"), text(browser, "#faults .grow")
    browser.key("Escape")


def source(browser, report):
    """A place opens its file at its line, and Escape closes it."""
    show(browser, "faults")
    browser.run("document.querySelector('#faults .line .link').click()")
    assert re.search(r"\.[cS]:\d+", text(browser, "#drawer .title b")), "no file and line"
    assert len(text(browser, "#drawer .here")) > 3, "no line is marked"
    browser.key("Escape")
    assert browser.run("document.getElementById('drawer').hidden"), "it stays open"


def page_walk(browser, report):
    """Typing an address walks to it; the entry's words are those of the data."""
    shown = report.spaces[report.shown]
    first, count = shown["pt"]
    for i in (first, first + count - 1):
        browser.run(f"(() => {{ const t = document.querySelector('#tables input'); t.value = "
                    f"'{report.pt_va[i]:x}'; t.dispatchEvent(new Event('change')); }})()")
        pfn = (report.pt_hi[i] & 0xfffff) << 20 | report.pt_lo[i] >> 12
        assert f"{pfn:05x}" in text(browser, "#tables dl"), f"{report.pt_va[i]:#x} leads elsewhere"


def keyboard(browser, report):
    """Numbers go to views, t changes the theme, ? lists the keys, arrows move in a picture."""
    browser.run("document.activeElement.blur()")
    browser.key("4", "4")
    browser.run("new Promise((done) => setTimeout(done, 900))")
    top = box(browser, "#tables")[1]
    assert -5 < top < 200, f"4 leads to {top}"
    dark = lambda: browser.run("getComputedStyle(document.body).backgroundColor")
    before = dark()
    browser.key("t", "t")
    assert dark() != before, "t does nothing"
    browser.key("t", "t")
    browser.key("?", "?")
    assert browser.run("!!document.querySelector('dialog[open]')"), "? shows nothing"
    browser.key("Escape")
    browser.run("document.querySelector('dialog')?.close()")
    browser.run("document.querySelectorAll('#tables .level canvas')[2].focus()")
    browser.key("ArrowRight")
    browser.key("ArrowRight")
    assert not browser.run("document.getElementById('tip').hidden"), "arrows show nothing"


def slabs(browser, report):
    """A cache opens to its slabs."""
    show(browser, "slab")
    browser.run("document.querySelector('#slab .link').click()")
    browser.settle()
    assert browser.run("document.querySelectorAll('#slab .slabs canvas').length") > 0, "no slab"


def narrow(browser, report):
    """On a telephone nothing is wider than the window."""
    browser.look(390, 800, False)
    browser.settle()
    expect("width", browser.run("document.documentElement.scrollWidth"), 390)
    browser.look(1400, 900, False)


CASES = [all_views, same_account, frame_map, time_slider, one_page, brush, zoom, source,
         page_walk, keyboard, slabs, narrow]


def without_decompression(browser, path):
    """The page's own inflate gives the same picture as the browser's."""
    figures = "document.querySelector('.figures').innerText"
    browser.open(path)
    wanted = browser.run(figures)
    browser.call("Page.navigate", url="about:blank")
    browser.open(path, anchor="#inflate")
    expect("figures", browser.run(figures), wanted)


def large(browser, path):
    """A million events are drawn; how long it took to load is told, not judged."""
    synthetic.write(path, LARGE)
    milliseconds = browser.open(path)
    for view in "space", "faults", "frames", "buddy":
        show(browser, view)
        assert painted(browser, f"#{view} canvas") > 2, f"{view} is not painted"
    return f"{LARGE:,} events, {os.path.getsize(path) >> 10} KiB, ready after {milliseconds} ms"


def pictures(browser, path, name, folder):
    for dark in False, True:
        for width, height in (1400, 900), (390, 800):
            browser.look(width, height, dark)
            browser.open(path)
            for view in VIEWS:
                show(browser, view)
                browser.shot(os.path.join(folder, f"{name}-{'dark' if dark else 'light'}-{width}-"
                                                  f"{view}.png"))


def attempt(name, browser, function, *arguments):
    """Runs a case. Returns whether it failed."""
    browser.errors.clear()
    try:
        said = function(browser, *arguments)
        assert not browser.errors, browser.errors[0]
    except (AssertionError, BrowserError) as error:
        print(f"FAIL  report.page_{name}: {error}", flush=True)
        return True
    print(f"ok    report.page_{name}" + (f": {said}" if said else ""), flush=True)
    return False


def main():
    failed = count = 0
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        report = suite.make(os.path.join(folder, "run"), CMD="malloc-tour", MEM="64",
                            TRACE_BUF="16M")
        page, many = os.path.join(folder, "run.html"), os.path.join(folder, "large.html")
        browser.open(page)
        for case in CASES:
            failed += attempt(case.__name__, browser, case, report)
        failed += attempt("without_decompression", browser, without_decompression, page)
        failed += attempt("large", browser, large, many)
        count = len(CASES) + 2
        if os.environ.get("SHOTS"):
            os.makedirs(os.environ["SHOTS"], exist_ok=True)
            pictures(browser, page, "run", os.environ["SHOTS"])
            pictures(browser, many, "large", os.environ["SHOTS"])
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""summarize.py RESULTS: adds up the reports that test/run.sh has collected.

Reads RESULTS/ctest.xml (JUnit, one entry a test program), RESULTS/gtest/*.xml (GoogleTest, the
cases of each program) and RESULTS/lit.json. Prints why tests were skipped, which failed, and last
"N passed, N failed, N skipped". Exits 1 where a test failed or a report is missing.
"""

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree

Case = collections.namedtuple("Case", "name outcome reason")  # outcome: passed, failed, skipped


def read_gtest(path):
    """The cases of one GoogleTest program."""
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{path.stem}: {case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None:
            yield Case(name, "failed", "")
        elif skip is not None or case.get("status") == "notrun":
            text = "" if skip is None else skip.get("message", "")
            # The first line is the place in the source, the rest the reason.
            yield Case(name, "skipped", " ".join(text.strip().splitlines()[1:]) or "skipped by the test")
        else:
            yield Case(name, "passed", "")


def read_ctest(path, gtest_folder):
    """CTest's tests; a GoogleTest program counts by its cases where its report is whole."""
    for test in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name, status = test.get("name"), test.get("status")
        report = gtest_folder / f"{name}.xml"
        cases = list(read_gtest(report)) if report.exists() else []
        yield from cases
        if status == "fail" and not any(case.outcome == "failed" for case in cases):
            yield Case(f"{name} (ended without a report of the failure)", "failed", "")
        elif cases:
            continue
        elif status == "run":
            yield Case(name, "passed", "")
        elif status != "fail":
            yield Case(name, "skipped" if status == "notrun" else "failed", f"CTest: {status}")


def read_lit(path):
    outcomes = {"PASS": "passed", "FLAKYPASS": "passed", "XFAIL": "passed"}
    outcomes.update(dict.fromkeys(("UNSUPPORTED", "SKIPPED", "EXCLUDED"), "skipped"))
    for test in json.loads(path.read_text())["tests"]:
        reason = (test.get("output") or "").strip().splitlines()
        yield Case(test["name"], outcomes.get(test["code"], "failed"), reason[0] if reason else test["code"])


def main():
    results = pathlib.Path(sys.argv[1])
    cases, broken = [], []
    for name, read in (
        ("ctest.xml", lambda path: read_ctest(path, results / "gtest")),
        ("lit.json", read_lit),
    ):
        try:
            found = list(read(results / name))
        except (OSError, ValueError, KeyError, xml.etree.ElementTree.ParseError) as error:
            broken.append(f"{name}: {error}")
            continue
        if not found:
            broken.append(f"{name}: no test")
        cases += found

    reasons = collections.Counter(case.reason for case in cases if case.outcome == "skipped")
    for reason, count in reasons.most_common():
        print(f"skipped {count}: {reason}")
    for case in cases:
        if case.outcome == "failed":
            print(f"failed: {case.name}")
    for text in broken:
        print(f"failed: unreadable report {text}")
    count = collections.Counter(case.outcome for case in cases)
    count["failed"] += len(broken)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

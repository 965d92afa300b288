"""What the audit pipeline must make of three logs, worked out from the files alone.

This is a second implementation of the mapping of examples/audit, from its documentation and not from its code: who
acted, what was done, how it ended, in which order lines get their ids. accept compares the two. Python 3, nothing else.
"""
import collections
import gzip
import hashlib
import json
import re
import sqlite3

SOURCES = ("k8s-audit.jsonl", "cloudtrail.jsonl", "windows-events.jsonl.gz")


def lines(path):
    """The lines of a log without their endings, LF or CRLF."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        data = f.read()
    found = data.split(b"\n")
    if found[-1] == b"":
        found.pop()
    return [line[:-1] if line.endswith(b"\r") else line for line in found]


def ids(source, log):
    """Event ids: the first 16 bytes of H(n) = SHA-256(H(n-1) + line n), H(0) = SHA-256(source)."""
    h = hashlib.sha256(source.encode()).digest()
    for line in log:
        h = hashlib.sha256(h + line).digest()
        yield h[:16]


def said(record, *names):
    """The first of the fields that says something."""
    for name in names:
        if record.get(name) not in (None, "", "-"):
            return record[name]
    return ""


def kubernetes(r):
    ref = r.get("objectRef") or {}
    if ref.get("resource"):
        what = ref["resource"] + ("/" + ref["subresource"] if ref.get("subresource") else "")
    else:
        what = r["requestURI"].split("?")[0]
    code = (r.get("responseStatus") or {}).get("code")
    decision = (r.get("annotations") or {}).get("authorization.k8s.io/decision")
    if code in (401, 403) or decision == "forbid":
        outcome = "DENIED"
    elif (code or 0) >= 400 or r["stage"] == "Panic":
        outcome = "FAILURE"
    else:
        outcome = "SUCCESS" if code else "UNKNOWN"
    return r["user"].get("username", ""), what + ":" + r["verb"], outcome, "kube-apiserver"


DENIED = ("AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden", "AuthFailure", "ExpiredToken",
          "InvalidClientTokenId", "SignatureDoesNotMatch", "OptInRequired")


def cloudtrail(r):
    who, error = r["userIdentity"], r.get("errorCode") or ""
    if any(word in error for word in DENIED):
        outcome = "DENIED"
    elif error:
        outcome = "FAILURE"
    elif r["eventName"] == "ConsoleLogin" and (r.get("responseElements") or {}).get("ConsoleLogin") == "Failure":
        outcome = "DENIED"
    else:
        outcome = "SUCCESS"
    service = r["eventSource"]
    return (said(who, "arn", "invokedBy", "principalId", "accountId"),
            re.sub(r"\.amazonaws\.com$", "", service) + ":" + r["eventName"], outcome, service)


LOGINS = (4624, 4625, 4648, 4768, 4771, 4776)
LOGOUTS = (4634, 4647)
REFUSALS = (4656, 4663, 4673, 4674, 5140, 5145, 5152, 5157)


def windows(r):
    number = r["EventID"]
    security = r["SourceName"] == "Microsoft-Windows-Security-Auditing"
    # Who logs on or off is the target account; the subject is the process that asked for it.
    target_acts = security and number in LOGINS + LOGOUTS and number != 4648
    side = "Target" if target_acts else "Subject"
    sid = said(r, side + "UserSid")
    name = "\\".join(part for part in (said(r, side + "DomainName"), said(r, side + "UserName")) if part)
    if sid and sid != "S-1-0-0":
        actor = sid
    elif target_acts:
        actor = name
    else:
        actor = said(r, "User", "SourceUser") or name
    keywords = int(r["Keywords"], 16)
    if keywords >> 52 & 1:
        outcome = "DENIED" if security and number in LOGINS + REFUSALS else "FAILURE"
    else:
        outcome = "SUCCESS" if keywords >> 53 & 1 else "UNKNOWN"
    return actor, "%s:%d" % (r["SourceName"], number), outcome, r["SourceName"]


def expected(data):
    """Counts by actor, action, outcome, service and source, and the events' places: id -> (source, sequence, line)."""
    counts = {title: collections.Counter() for title in ("actor", "action", "outcome", "service", "source")}
    events = {}
    for name, mapping in zip(SOURCES, (kubernetes, cloudtrail, windows)):
        source = re.sub(r"\.gz$", "", name)
        log = lines(data + "/" + name)
        for number, (event_id, line) in enumerate(zip(ids(source, log), log), 1):
            actor, action, outcome, service = mapping(json.loads(line))
            for title, value in zip(counts, (actor or "(none)", action, outcome, service, source)):
                counts[title][value] += 1
            events[event_id] = source, number, line
    return counts, events


def leaves(value, pointer=""):
    """The values of a document that hold no others, by JSON pointer."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from leaves(member, pointer + "/" + name.replace("~", "~0").replace("/", "~1"))
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from leaves(item, pointer + "/" + str(i))
    else:
        yield pointer, value


class Number(str):
    """A number as it was written."""


def check_database(path, events):
    """Finds every event with its place in the sequence, and every field of every line in its event. Returns faults."""
    faults = []
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    rows = {row["event_id"]: row for row in db.execute("SELECT * FROM events")}
    db.close()
    if set(rows) != set(events):
        faults.append("%d events are missing, %d are nobody's" % (len(set(events) - set(rows)), len(set(rows) - set(events))))
    fields = 0
    for event_id in set(rows) & set(events):
        row, (source, number, line) = rows[event_id], events[event_id]
        if (row["producer_id"], row["sequence"]) != (source, number):
            faults.append("line %d of %s is %s %d" % (number, source, row["producer_id"], row["sequence"]))
        metadata = json.loads(row["metadata"])
        others = set(json.loads(metadata.get("non_strings", "[]")))
        # What is not in metadata must be, letter for letter, in a field of the event.
        texts = {v for v in tuple(row) + tuple(v for t in json.loads(row["targets"]) for v in t.values()) if isinstance(v, str)}
        for pointer, value in leaves(json.loads(line, parse_int=Number, parse_float=Number)):
            fields += 1
            plain = isinstance(value, str) and not isinstance(value, Number)
            text = value if isinstance(value, str) else json.dumps(value)
            if pointer in metadata:
                if metadata[pointer] != text or (pointer in others) == plain:
                    faults.append("line %d of %s: %s has changed" % (number, source, pointer))
            elif not plain or not (text in texts or text in moment(row["occurred_at"])):
                faults.append("line %d of %s: %s is lost" % (number, source, pointer))
    return faults, fields


def moment(micros):
    """An instant in the forms that the three logs write."""
    import datetime
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
    text = t.strftime("%Y-%m-%dT%H:%M:%S")
    return {text + "Z", text + ".%06dZ" % t.microsecond, text + ".%03dZ" % (t.microsecond // 1000)}


def parse_report(text):
    """The tables of `audit report --top 0`: title -> value -> count."""
    tables, table = {}, {}
    for line in text.splitlines():
        head = re.match(r"by (\w+) \(", line)
        if head:
            table = tables[head.group(1)] = collections.Counter()
        elif line.startswith("gaps "):
            table = {}
        row = re.match(r" *(\d+)\t([^\t]*)", line)
        if row and row.group(2) != "(total)":
            table[row.group(2)] = int(row.group(1))
    return tables

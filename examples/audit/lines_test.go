package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/typelog/typelog/schemas/audit"
)

// readAll reads lines until an error; parts of one line are joined with "|".
func readAll(in io.Reader, maxLine int) (lines []string, err error) {
	r, err := newLineReader(in)
	if err != nil {
		return nil, err
	}
	r.max = maxLine
	for {
		l, err := r.next()
		switch {
		case err != nil:
			return lines, err
		case l.part > 1:
			lines[len(lines)-1] += "|" + string(l.text)
		default:
			lines = append(lines, string(l.text))
		}
		if int64(len(lines)) != l.number {
			return lines, errors.New("the number of a line is wrong")
		}
	}
}

func TestLines(t *testing.T) {
	const text = "one\ntwo\r\n\n\r\nfi\rve\nlast"
	want := []string{"one", "two", "", "", "fi\rve", "last"}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]io.Reader{
		"text": strings.NewReader(text), "bytewise": iotest.OneByteReader(strings.NewReader(text)), "gzip": &zipped,
	} {
		got, err := readAll(in, maxLine)
		if !errors.Is(err, io.EOF) || strings.Join(got, "\x00") != strings.Join(want, "\x00") {
			t.Errorf("%s: read %q (%v), not %q", name, got, err, want)
		}
	}
}

func TestLongLinesComeInParts(t *testing.T) {
	// The reader's own buffer decides where parts end, so the parts are joined again here.
	long := strings.Repeat("abc\r", 300_000)
	got, err := readAll(strings.NewReader("x\n"+long+"\r\ny"), 1000)
	if !errors.Is(err, io.EOF) || len(got) != 3 || got[0] != "x" || got[2] != "y" {
		t.Fatalf("read %d lines (%v)", len(got), err)
	}
	if !strings.Contains(got[1], "|") || strings.ReplaceAll(got[1], "|", "") != long {
		t.Fatal("the parts of a long line are not the line")
	}
}

func TestBrokenGzip(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(w, strings.Repeat("line\n", 1000))
	_ = w.Close()
	if _, err := readAll(bytes.NewReader(zipped.Bytes()[:zipped.Len()-6]), maxLine); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("a cut gzip file ends with %v", err)
	}
}

func TestChain(t *testing.T) {
	h := sha256.Sum256([]byte("web.log"))
	var want []audit.EventID
	for _, line := range []string{"same", "same", ""} {
		h = sha256.Sum256(append(h[:], line...))
		want = append(want, audit.EventID(h[:16]))
	}
	c := newChain("web.log")
	for i, parts := range [][]string{{"same"}, {"sa", "me"}, nil} {
		for _, p := range parts {
			c.add([]byte(p))
		}
		if got := c.end(); got != want[i] {
			t.Errorf("line %d has id %s, not %s", i+1, got, want[i])
		}
	}
}

func TestInputs(t *testing.T) {
	logs, err := inputs("", []string{"/a/k8s.jsonl.gz", "b/win.jsonl", "-"})
	if err != nil || len(logs) != 3 || logs[0].source != "k8s.jsonl" || logs[1].source != "win.jsonl" || logs[2].source != "stdin" {
		t.Errorf("sources are %v (%v)", logs, err)
	}
	if logs, err = inputs("all", []string{"a", "b"}); err != nil || len(logs) != 1 || len(logs[0].files) != 2 {
		t.Errorf("with --source: %v (%v)", logs, err)
	}
	if _, err = inputs("", []string{"a/x.log", "b/x.log.gz"}); err == nil {
		t.Error("two logs share a source name")
	}
}

package partlog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// flip changes one byte of a file.
func (r *rig) flip(name string, at int64) {
	r.t.Helper()
	f, err := r.opts.FS.Open(name)
	if err != nil {
		r.t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		r.t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, at); err != nil {
		r.t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) segmentPath(p log.Partition, i int) string {
	return filepath.Join(r.e.partitionDir(p), r.segments(p)[i])
}

func always(int64) bool { return true }

// TestScrubFindsFlippedBits: a batch that the scrub has found is answered with its file and offset and never served; what
// lies before and behind it is, and so are other partitions.
func TestScrubFindsFlippedBits(t *testing.T) {
	r := newRig(t, lossy.New())
	p, q := r.create(keepAll()), r.create(keepAll())
	for i := range 5 {
		r.must(p, one(fmt.Sprint(i)))
	}
	r.must(q, one("other"))
	size := int64(len(one("0")))
	name := r.segmentPath(p, 0)
	r.e.scrub(always)
	r.want(p, "0", "1", "2", "3", "4")
	r.flip(name, 2*size+record.HeaderSize+3)
	r.e.scrub(always)
	r.e.scrub(always) // and is not found twice

	if got := r.values(p, 0); strings.Join(got, "") != "01" {
		t.Errorf("up to the damage: %q", got)
	}
	res := r.e.Read([]log.ReadRequest{{Partition: p, Offset: 2, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})[0]
	var bad *log.CorruptError
	if !errors.As(res.Err, &bad) || bad.File != name || bad.Offset != 2*size || len(res.Chunks) != 0 {
		t.Errorf("the damage: %+v", res)
	}
	if got := r.values(p, 3); strings.Join(got, "") != "34" {
		t.Errorf("behind the damage: %q", got)
	}
	r.want(q, "other")
	r.must(p, one("5"))
	if !strings.Contains(r.logs.String(), fmt.Sprintf("at=%d", 2*size)) || !strings.Contains(r.logs.String(), name) {
		t.Errorf("the log does not say where: %s", &r.logs)
	}
}

// TestScrubWithoutHeader: where the length itself is damaged, nothing behind it is served.
func TestScrubWithoutHeader(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(keepAll())
	for i := range 4 {
		r.must(p, one(fmt.Sprint(i)))
	}
	size := int64(len(one("0")))
	r.flip(r.segmentPath(p, 0), size+8) // the length's first byte
	r.e.scrub(always)
	if got := r.values(p, 0); strings.Join(got, "") != "0" {
		t.Errorf("before the damage: %q", got)
	}
	for offset := int64(1); offset < 4; offset++ {
		res := r.e.Read([]log.ReadRequest{{Partition: p, Offset: offset, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})[0]
		if !errors.Is(res.Err, log.ErrCorrupt) {
			t.Errorf("offset %d: %+v", offset, res)
		}
	}
}

// TestVerify reads a stopped engine's directory.
func TestVerify(t *testing.T) {
	r := newRig(t, vfs.OS{})
	cfg := keepAll()
	cfg.SegmentBytes = 300
	p, q := r.create(cfg), r.create(cfg)
	for i := range 9 {
		r.must(p, one(fmt.Sprint(i)))
		r.must(q, one(fmt.Sprint(i)))
	}
	var want []string
	if err := r.e.Close(); err != nil {
		t.Fatal(err)
	}
	check := func() (found []string) {
		t.Helper()
		c, err := Verify(context.Background(), vfs.OS{}, r.opts.Dir, func(bad *log.CorruptError) {
			found = append(found, fmt.Sprint(bad.File, " ", bad.Offset))
		})
		if err != nil || c.Files < 2*len(r.segments(p)) || c.Bytes < 18*int64(len(one("0"))) {
			t.Fatalf("%+v, %v", c, err)
		}
		return found
	}
	if found := check(); len(found) != 0 {
		t.Errorf("nothing is damaged: %q", found)
	}
	for _, i := range []int{0, 1} {
		r.flip(r.segmentPath(p, i), int64(len(one("0")))+record.HeaderSize+2)
		want = append(want, fmt.Sprint(r.segmentPath(p, i), " ", len(one("0"))))
	}
	if found := check(); strings.Join(found, ",") != strings.Join(want, ",") {
		t.Errorf("found %q, want %q", found, want)
	}
	if err := (vfs.OS{}).Remove(r.segmentPath(q, 1)); err != nil {
		t.Fatal(err)
	}
	if found := check(); len(found) != 3 {
		t.Errorf("a missing segment: %q", found)
	}
}

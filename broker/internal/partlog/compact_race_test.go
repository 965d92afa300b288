package partlog

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// TestReadersDoNotNoticeCompaction reads and looks up while segments are replaced and their files removed.
func TestReadersDoNotNoticeCompaction(t *testing.T) {
	r := newRig(t, lossy.New())
	r.e.files.limit = 2 // so that files are opened again all the time
	p := r.create(compacted())
	r.must(p, pair("k", "first"))
	var ended atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !ended.Load() {
				for _, from := range []int64{0, 1} {
					res := r.e.Read([]log.ReadRequest{{Partition: p, Offset: from, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})[0]
					for _, c := range res.Chunks {
						c.Release()
					}
					if res.Err != nil {
						t.Error(res.Err)
						return
					}
				}
				if got, err := r.e.ByTime(p, noon, log.ReadUncommitted); err != nil || got.Offset < 0 {
					t.Errorf("%+v, %v", got, err)
					return
				}
			}
		})
	}
	for i := range 60 {
		for range 6 {
			r.must(p, pair(fmt.Sprint("k", i%5), "value"))
		}
		r.sealed(p)
		r.compact()
	}
	ended.Store(true)
	readers.Wait()
}

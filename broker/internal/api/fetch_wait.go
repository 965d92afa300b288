package api

import (
	"context"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
)

// wait reads until there is enough, the client's patience ends, or something is wrong that it should know at once.
func (f *fetchCall) wait(ctx context.Context) answer {
	reqs := make([]log.ReadRequest, 0, len(f.parts))
	watched := make([]log.Partition, 0, len(f.parts))
	broken := false
	for i := range f.parts {
		if f.parts[i].err != nil {
			broken = true
			continue
		}
		p := &f.parts[i]
		reqs = append(reqs, log.ReadRequest{Partition: p.at, Offset: p.want.offset, MaxBytes: max(int(p.want.maxBytes), 0)})
		watched = append(watched, p.at)
	}
	results := f.s.Engine.Read(reqs, f.limits)
	if broken || f.enough(reqs, results) {
		return f.answer(results)
	}
	left := f.deadline.Sub(f.s.now())
	if left <= 0 {
		return f.answer(results)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	for {
		release(results)
		stop := f.s.Engine.Watch(watched, wake)
		// Read again: what came between the last read and the watch wakes nobody.
		if results = f.s.Engine.Read(reqs, f.limits); f.enough(reqs, results) {
			stop()
			return f.answer(results)
		}
		over := true // and nothing has moved since the last read
		select {
		case <-woken:
			over = false
		case <-timer.C:
		case <-f.over:
		case <-ctx.Done():
		}
		stop()
		if over {
			return f.answer(results)
		}
	}
}

// enough reports whether results are worth an answer now: something is wrong, min_bytes are there, or they would be if the
// limits did not cut off in the middle of a batch (Apache Kafka sends a part of the batch then).
func (f *fetchCall) enough(reqs []log.ReadRequest, results []log.ReadResult) bool {
	size, failed := sizeOf(results)
	if failed || size >= f.minBytes {
		return true
	}
	if size == 0 {
		return false
	}
	wide := make([]log.ReadRequest, len(reqs))
	for i, r := range reqs {
		r.MaxBytes += int(f.minBytes)
		wide[i] = r
	}
	more := f.s.Engine.Read(wide, log.ReadLimits{MaxBytes: f.limits.MaxBytes + int(f.minBytes), Isolation: f.limits.Isolation})
	size, failed = sizeOf(more)
	release(more)
	return failed || size >= f.minBytes
}

// sizeOf is how many bytes of records there are, and whether a partition has an error instead.
func sizeOf(results []log.ReadResult) (size int64, failed bool) {
	for i := range results {
		failed = failed || results[i].Err != nil
		size += results[i].Size()
	}
	return size, failed
}

func release(results []log.ReadResult) {
	for i := range results {
		for _, c := range results[i].Chunks {
			c.Release()
		}
		results[i].Chunks = nil
	}
}

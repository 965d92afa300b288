package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/typelog/typelog/registry"
)

const writers = 64 // clients that register

// registering measures registrations over HTTP, each flushed before it is answered: every one a new schema of twelve
// fields under a subject of its own.
func registering(out *report, dir string, length time.Duration) error {
	for _, clients := range []int{1, writers} {
		r, stop, err := serve(filepath.Join(dir, "registering"+strconv.Itoa(clients)))
		if err != nil {
			return err
		}
		rate, err := load(r.Addrs()[0].String(), clients, length, func(client, n int) []byte {
			number := client*1_000_000 + n
			body, err := json.Marshal(map[string]string{"schema": twelve(number)})
			if err != nil {
				panic(err) // a map of strings prints
			}
			return request("POST", fmt.Sprintf("/subjects/event%d-value/versions", number), body)
		})
		if stopped := stop(); err == nil {
			err = stopped
		}
		if err != nil {
			return err
		}
		what := fmt.Sprintf("registering from %d client(s), flushed", clients)
		if clients == 1 {
			out.line(what, fmt.Sprintf("%.0f/s", rate))
			continue
		}
		out.target(what, fmt.Sprintf("%.0f/s", rate), "at least 3000/s", rate >= 3000)
	}
	return nil
}

// small is a small schema; each version has another default.
func small(subject, version int) string {
	return fmt.Sprintf(`{"type":"record","name":"Small%d","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"},`+
		`{"name":"note","type":"int","default":%d}]}`, subject, version)
}

// growing registers many versions, ten to a subject, and restarts.
func growing(out *report, dir string, versions int) error {
	dir = filepath.Join(dir, "growing")
	r, err := open(dir)
	if err != nil {
		return err
	}
	const each = 10
	subjects := versions / each
	marks, err := fill(r, subjects, each)
	if closed := r.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	first, last := marks.first.Seconds(), marks.last.Seconds()
	out.line(fmt.Sprintf("%d versions over %d subjects, %d at a time", versions, subjects, writers),
		fmt.Sprintf("%.0f/s", float64(versions)/marks.whole.Seconds()))
	out.target("the last thousand against the first thousand, in time", fmt.Sprintf("%.2f", last/first), "at most 1.5", last/first <= 1.5)

	r = nil
	before := heap()
	started := time.Now()
	if r, err = open(dir); err != nil {
		return err
	}
	took := time.Since(started)
	out.target("restart with them", took.Round(10*time.Millisecond).String(), "under 2s", took < 2*time.Second)
	bytes := float64(heap()-before) / float64(versions)
	out.target("memory for each version, restarted", fmt.Sprintf("%.0f B", bytes), "under 10240 B", bytes < 10*1024)
	return r.Close()
}

// marks are how long it took: all of it, the first thousand, the last thousand.
type marks struct{ whole, first, last time.Duration }

func fill(r *registry.Registry, subjects, each int) (marks, error) {
	total := int64(subjects * each)
	span := min(int64(1000), total/2)
	var next, done atomic.Int64
	var m marks
	var group sync.WaitGroup
	failed := make(chan error, writers)
	started := time.Now()
	var nearly time.Time
	for range writers {
		group.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= total {
					return
				}
				subject, version := int(n)%subjects, int(n)/subjects
				_, err := r.Register(context.Background(), registry.Registration{Subject: "small" + strconv.Itoa(subject) + "-value",
					ID: registry.NoID, Source: registry.Source{Text: small(subject, version)}})
				if err != nil {
					failed <- err
					return
				}
				number := done.Add(1) // one goroutine each sees the marks
				if number == span {
					m.first = time.Since(started)
				}
				if number == total-span {
					nearly = time.Now()
				}
			}
		})
	}
	group.Wait()
	m.whole, m.last = time.Since(started), time.Since(nearly)
	select {
	case err := <-failed:
		return m, err
	default:
		return m, nil
	}
}

// heap is how much memory live objects have.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

package record

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestOpenRecordsShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 8 << 20
		codecs := NewCodecs(limit)
		big, err := codecs.Repack(Of(KV(0, nil, make([]byte, limit-100))), Zstd)
		if err != nil {
			t.Fatal(err)
		}
		small, err := codecs.Repack(Of(KV(0, nil, make([]byte, 1000))), Gzip)
		if err != nil {
			t.Fatal(err)
		}
		first, err := codecs.Open(big)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() {
			_, err := codecs.OpenContext(ctx, big)
			gaveUp <- err
		}()
		synctest.Wait()
		second, late := make(chan *Records, 1), make(chan *Records, 1)
		open := func(b Batch, to chan *Records) {
			r, err := codecs.Open(b)
			if err != nil {
				t.Error(err)
			}
			to <- r
		}
		go open(big, second)
		synctest.Wait()
		go open(small, late) // would fit, but it is not its turn
		synctest.Wait()
		if len(second) != 0 || len(late) != 0 || len(gaveUp) != 0 {
			t.Fatal("somebody did not wait")
		}
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(second) != 0 || len(late) != 0 {
			t.Fatal("who gave up made room")
		}
		first.Close()
		(<-second).Close()
		(<-late).Close()
		if codecs.budget.free != codecs.budget.size || len(codecs.budget.waiters) != 0 {
			t.Errorf("%+v", codecs.budget)
		}
	})
}

func TestManyAtOnceNeverTakeMoreThanTheBudget(t *testing.T) {
	const limit = 1 << 20
	codecs := NewCodecs(limit)
	var batches []Batch
	for _, kind := range everyCompression[1:] {
		for _, size := range []int{100, 70_000, 600_000, limit - 100, 3 * limit} {
			b, err := NewCodecs(0).Repack(Of(KV(0, nil, make([]byte, size))), kind)
			if err != nil {
				t.Fatal(err)
			}
			batches = append(batches, b, compressed(kind, 1, b.Payload()[:len(b.Payload())/2]))
		}
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range batches {
				r, err := codecs.Open(batches[(i+5*w)%len(batches)])
				if err != nil {
					if !oneKind(err) {
						t.Error(err)
					}
					continue
				}
				codecs.budget.mu.Lock()
				free := codecs.budget.free
				codecs.budget.mu.Unlock()
				if free < 0 {
					t.Errorf("%d bytes over the budget", -free)
				}
				r.Close()
			}
		})
	}
	wg.Wait()
	if codecs.budget.free != codecs.budget.size || len(codecs.budget.waiters) != 0 {
		t.Errorf("%+v", codecs.budget)
	}
}

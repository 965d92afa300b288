package memlog_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/logtest"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/record"
)

func hold(e log.Engine) (release func()) { return e.(*memlog.Engine).Hold() }

func TestConformanceAfterADelay(t *testing.T) {
	logtest.Run(t, func(*testing.T) log.Engine {
		return memlog.New(memlog.Options{Delay: 200 * time.Millisecond, Epoch: 3})
	}, logtest.WithHold(hold), logtest.WithFakeTime())
}

func TestConformanceAtOnce(t *testing.T) {
	logtest.Run(t, func(*testing.T) log.Engine { return memlog.New(memlog.Options{}) }, logtest.WithHold(hold))
}

func TestAFailedCommitKeepsNothing(t *testing.T) {
	e := memlog.New(memlog.Options{})
	defer e.Close()
	p := log.Partition{Topic: log.TopicID{1}}
	if err := e.Create(t.Context(), []log.Partition{p}, log.Config{}); err != nil {
		t.Fatal(err)
	}
	b := record.Builder{Producer: &record.Producer{ID: 1}}
	b.Add(record.KV(0, nil, []byte("v")))
	batch := b.Build()
	send := func() log.Appended {
		out := make(chan log.Appended, 1)
		e.Append([]log.Batch{{Partition: p, Bytes: batch}}, func(a []log.Appended) { out <- a[0] })
		return <-out
	}
	e.Fail(fmt.Errorf("no room: %w", log.ErrStorage))
	if out := send(); !errors.Is(out.Err, log.ErrStorage) {
		t.Fatalf("%+v", out)
	}
	e.Fail(nil)
	if out := send(); out.Err != nil || out.Duplicate || out.BaseOffset != 0 {
		t.Fatalf("after the failure: %+v", out)
	}
}

func TestWhatWaitsIsCommittedTogether(t *testing.T) {
	e := memlog.New(memlog.Options{Delay: time.Millisecond})
	defer e.Close()
	p := log.Partition{Topic: log.TopicID{1}}
	if err := e.Create(t.Context(), []log.Partition{p}, log.Config{}); err != nil {
		t.Fatal(err)
	}
	release := e.Hold()
	done := make(chan struct{}, 10)
	for range 10 {
		e.Append([]log.Batch{{Partition: p, Bytes: record.Of(record.KV(0, nil, nil))}}, func([]log.Appended) { done <- struct{}{} })
	}
	before := e.Commits()
	release()
	for range 10 {
		<-done
	}
	if got := e.Commits() - before; got != 1 {
		t.Errorf("%d commits", got)
	}
}

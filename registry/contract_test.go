package registry_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/registry"
)

// framed is a payload in Confluent's wire format.
func framed(id int32, datum ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), datum...)
}

// register registers a schema and returns its id.
func register(t testing.TB, r *registry.Registry, subject, text string) int32 {
	t.Helper()
	got, err := r.Register(context.Background(), registry.Registration{Subject: subject, ID: registry.NoID,
		Source: registry.Source{Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}

func check(t testing.TB, r *registry.Registry, subject string, decode bool, payload []byte) registry.PayloadCheck {
	t.Helper()
	got, err := r.CheckPayload(context.Background(), registry.Naming(subject), decode, payload)
	if err != nil {
		t.Fatalf("%s %x: %v", subject, payload, err)
	}
	return got
}

const person = `{"type":"record","name":"Person","fields":[{"name":"name","type":"string"},{"name":"tags","type":{"type":"array","items":"string"}}]}`

func TestCheckPayload(t *testing.T) {
	r := open(t, t.TempDir())
	id := register(t, r, "people-value", person)
	other := register(t, r, "orders-value", invoice1)
	raw := register(t, r, "raw-value", `"bytes"`)
	good := []byte{6, 'a', 'n', 'n', 2, 2, 'x', 0}
	for _, c := range []struct {
		name, subject   string
		decode          bool
		payload         []byte
		ok              bool
		pointer, reason string // reason is a part of it
	}{
		{"a datum", "people-value", true, framed(id, good...), true, "", ""},
		{"registered is enough", "people-value", false, framed(id, 1, 2, 3), true, "", ""},
		{"nothing", "people-value", true, nil, false, "", "0 bytes"},
		{"too short for an id", "people-value", false, []byte{0, 0, 0, 0}, false, "", "4 bytes"},
		{"no magic byte", "people-value", false, []byte("{\"name\":1}"), false, "", "0x7b"},
		{"no such id", "people-value", true, framed(99, good...), false, "", "no schema 99"},
		{"a negative id", "people-value", true, framed(-1, good...), false, "", "no schema -1"},
		{"another subject's id", "people-value", true, framed(other, good...), false, "", "not registered under subject people-value"},
		{"no such subject", "none-value", false, framed(id, good...), false, "", "not registered under subject none-value"},
		{"no datum", "people-value", true, framed(id), false, "name", ""},
		{"cut off", "people-value", true, framed(id, good[:6]...), false, "tags[0]", ""},
		{"bytes after the end", "people-value", true, framed(id, append(good, 0)...), false, "", "1 bytes follow"},
		{"a length that is not there", "people-value", true, framed(id, 0xfe, 0xff, 0xff, 0xff, 0x0f), false, "name", ""},
		{"raw bytes under a bytes schema", "raw-value", true, framed(raw, 'a', 'b'), true, "", ""},
		{"no bytes under a bytes schema", "raw-value", true, framed(raw), true, "", ""},
	} {
		for range 2 { // as first seen, and from the cache
			got := check(t, r, c.subject, c.decode, c.payload)
			if got.OK != c.ok || got.Pointer != c.pointer || !strings.Contains(got.Reason, c.reason) || got.OK != (got.Reason == "") {
				t.Errorf("%s: got %+v", c.name, got)
			}
		}
	}
}

// TestCheckPayloadFollowsChanges: what was cached must not outlive what it was concluded from.
func TestCheckPayloadFollowsChanges(t *testing.T) {
	r := open(t, t.TempDir())
	id := register(t, r, "s", `"int"`)
	payload := framed(id, 2)
	expect := func(subject string, ok bool, when string) {
		t.Helper()
		if got := check(t, r, subject, true, payload); got.OK != ok {
			t.Errorf("%s: %+v", when, got)
		}
	}
	expect("s", true, "registered")
	expect("nick", false, "before the alias")
	if _, err := r.UpdateConfig(t.Context(), "nick", func(c *registry.SubjectConfig) { c.Alias = "s" }); err != nil {
		t.Fatal(err)
	}
	expect("nick", true, "by the alias")
	expect("s", true, "by its name")
	if _, err := r.DeleteVersion(t.Context(), "s", 1, false); err != nil {
		t.Fatal(err)
	}
	expect("s", false, "softly deleted")
	expect("nick", false, "softly deleted, by the alias")
	if got := check(t, r, "s", true, payload); !strings.Contains(got.Reason, "deleted") {
		t.Errorf("the reason does not say that it was deleted: %+v", got)
	}
	register(t, r, "s", `"int"`)
	expect("s", true, "registered again")
	if _, err := r.DeleteConfig(t.Context(), "nick"); err != nil {
		t.Fatal(err)
	}
	expect("nick", false, "without the alias")
}

func TestCheckPayloadOfOtherLanguages(t *testing.T) {
	r := open(t, t.TempDir())
	got, err := r.Register(t.Context(), registry.Registration{Subject: "j", ID: registry.NoID,
		Source: registry.Source{Type: registry.JSON, Text: `{"type":"object"}`}})
	if err != nil {
		t.Fatal(err)
	}
	if got := check(t, r, "j", true, append(framed(got.ID), "not even json"...)); !got.OK {
		t.Errorf("a JSON payload counts as registered only: %+v", got)
	}
}

func TestCheckPayloadCannotDecide(t *testing.T) {
	r := open(t, t.TempDir())
	id := register(t, r, "s", `"int"`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.CheckPayload(ctx, "s", true, framed(id, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("without time to decide: %v", err)
	}
	check(t, r, "s", true, framed(id, 2))
	if got, err := r.CheckPayload(ctx, "s", true, framed(id, 2)); err != nil || !got.OK {
		t.Errorf("what is known needs no time: %+v, %v", got, err)
	}
}

// TestCheckPayloadRaces asks while the subject changes: each answer must be true at some time between the question and
// the answer, and the last one must be the last state.
func TestCheckPayloadRaces(t *testing.T) {
	r := open(t, t.TempDir())
	id := register(t, r, "s", `"int"`)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					check(t, r, "s", true, framed(id, 2))
				}
			}
		})
	}
	for range 30 {
		version, err := r.DeleteVersion(t.Context(), "s", registry.Latest, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := check(t, r, "s", true, framed(id, 2)); got.OK {
			t.Fatalf("version %d is deleted, and its id passes", version)
		}
		register(t, r, "s", `"int"`)
		if got := check(t, r, "s", true, framed(id, 2)); !got.OK {
			t.Fatalf("registered again, and refused: %+v", got)
		}
	}
	close(stop)
	wg.Wait()
}

func TestCheckPayloadAllocatesNothing(t *testing.T) {
	r := open(t, t.TempDir())
	payload := framed(register(t, r, "people-value", person), 6, 'a', 'n', 'n', 2, 2, 'x', 0)
	check(t, r, "people-value", true, payload)
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() {
		if got, err := r.CheckPayload(ctx, "people-value", true, payload); err != nil || !got.OK {
			t.Fatal(got, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a check", n)
	}
}

func BenchmarkCheckPayload(b *testing.B) {
	r := open(b, b.TempDir())
	payload := framed(register(b, r, "people-value", person), 6, 'a', 'n', 'n', 2, 2, 'x', 0)
	ctx := context.Background()
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if got, err := r.CheckPayload(ctx, "people-value", true, payload); err != nil || !got.OK {
				b.Fatal(got, err)
			}
		}
	})
}

// BenchmarkRegister registers different schemas, each flushed before it is answered, from 64 clients.
func BenchmarkRegister(b *testing.B) {
	r := open(b, b.TempDir())
	work := make(chan int)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := range work {
				register(b, r, fmt.Sprint("s", i/10), fmt.Sprintf(`{"type":"record","name":"R","fields":[{"name":"f%d","type":"int","default":0}]}`, i))
			}
		})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		work <- i
	}
	close(work)
	wg.Wait()
}

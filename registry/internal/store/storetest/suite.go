// Package storetest holds every implementation of store.Store to the same promises. An implementation's test calls Run.
package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// Open opens the store at a place; the same place twice in a row is the same store, reopened.
type Open func(t *testing.T, place string) store.Store

// Run runs the suite. place is a directory of its own for each test.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"empty":               empty,
		"keeps everything":    keeps,
		"replaces and drops":  drops,
		"refuses conflicts":   conflicts,
		"one writer wins":     race,
		"all or nothing":      atomic,
		"tells what changed":  since,
		"keeps text as given": given,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func schemaOf(text string, refs []model.Reference, metadata *model.Metadata) *model.Schema {
	s := &model.Schema{Type: model.Avro, Text: text, References: refs, Metadata: metadata}
	s.GUID = s.Fingerprint()
	return s
}

func put(subject string, number, id int32, text string) store.PutVersion {
	return store.PutVersion{Version: &model.Version{Subject: model.Subject(subject), Number: number, ID: id,
		Time: 1000 + int64(number), Schema: schemaOf(text, nil, nil)}}
}

func load(t *testing.T, s store.Store) ([]store.Change, store.Position) {
	t.Helper()
	var all []store.Change
	at, err := s.Load(t.Context(), func(c store.Change) error { all = append(all, c); return nil })
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return all, at
}

func apply(t *testing.T, s store.Store, at store.Position, changes ...store.Change) store.Position {
	t.Helper()
	next, err := s.Apply(t.Context(), at, changes)
	if err != nil {
		t.Fatalf("apply at %d: %v", at, err)
	}
	if next <= at {
		t.Fatalf("apply at %d: the position did not grow: %d", at, next)
	}
	return next
}

// same compares lists of changes by content.
func same(t *testing.T, got, want []store.Change) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d changes, want %d:\n%s\nwant\n%s", len(got), len(want), show(got), show(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("change %d: got %s want %s", i, show(got[i:i+1]), show(want[i:i+1]))
		}
	}
}

func show(changes []store.Change) string {
	out := ""
	for _, c := range changes {
		if v, ok := c.(store.PutVersion); ok {
			out += fmt.Sprintf("version %+v %+v\n", *v.Version, *v.Version.Schema)
			continue
		}
		out += fmt.Sprintf("%T%+v\n", c, c)
	}
	return out
}

func empty(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	defer s.Close()
	all, at := load(t, s)
	if len(all) != 0 || at != 0 {
		t.Errorf("an empty store holds %d facts at %d", len(all), at)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func keeps(t *testing.T, open Open) {
	place := t.TempDir()
	s := open(t, place)
	yes := true
	rich := store.PutVersion{Version: &model.Version{Subject: ":.ctx:person", Number: 3, ID: 7, Deleted: true, Time: 42,
		Schema: schemaOf(`{"type":"record","name":"P","fields":[]}`,
			[]model.Reference{{Name: "a.B", Subject: "b", Version: 2}, {Name: "", Subject: "c", Version: 1}},
			&model.Metadata{Tags: map[string][]string{"**.x": {"PII", "b"}}, Properties: map[string]string{"": "e", "o": "ü"},
				Sensitive: []string{"o"}})}}
	plain := store.PutVersion{Version: &model.Version{Subject: "j", Number: 1, ID: 1, Time: 5,
		Schema: &model.Schema{Type: model.JSON, Text: "true", Metadata: &model.Metadata{}}}}
	rich.Version.Schema = rich.Version.Schema.With(model.Attached{Metadata: rich.Version.Schema.Metadata, Rules: &model.RuleSet{
		Domain: []model.Rule{{Name: "r", Doc: "d", Kind: "CONDITION", Mode: "WRITE", Type: "CEL", Tags: []string{"PII"},
			Params: map[string]string{"k": "v"}, Expr: "a < b", OnSuccess: "NONE", OnFailure: "ERROR", Disabled: true}}, EnableAt: "CLIENT"}})
	plain.Version.Schema.GUID = plain.Version.Schema.Fingerprint()
	want := []store.Change{
		store.PutContext{Name: ".", MaxID: 9, Listed: true},
		store.PutContext{Name: ".ctx", MaxID: 7},
		store.PutConfig{Subject: "", Config: model.Config{Level: model.Full, Normalize: &yes,
			DefaultMetadata: &model.Metadata{Properties: map[string]string{"k": "v"}},
			OverrideRules:   &model.RuleSet{Migration: []model.Rule{{Name: "m", Kind: "TRANSFORM", Mode: "UPGRADE", Type: "JSONATA"}}}}},
		store.PutConfig{Subject: "s", Config: model.Config{}},
		store.PutMode{Subject: ":.ctx:", Mode: model.ReadOnly},
		rich,
		plain,
		put("s", 1, 2, `"int"`),
		put("s", 2, 2, `"int"`),
	}
	at := apply(t, s, 0, want...)
	got, loaded := load(t, s)
	same(t, got, want)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, place)
	defer s.Close()
	got, reloaded := load(t, s)
	same(t, got, want)
	if loaded != at || reloaded != at {
		t.Errorf("position %d, after a restart %d, want %d", loaded, reloaded, at)
	}
}

func drops(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	defer s.Close()
	at := apply(t, s, 0, put("s", 1, 1, `"int"`), put("s", 2, 2, `"long"`), put("t", 1, 2, `"long"`),
		store.PutMode{Subject: "s", Mode: model.Import}, store.PutConfig{Subject: "s"})
	deleted := put("s", 2, 2, `"long"`)
	deleted.Version.Deleted = true
	at = apply(t, s, at, deleted, store.DropVersion{Subject: "s", Number: 1}, store.DropVersion{Subject: "none", Number: 1},
		store.DropMode{Subject: "s"}, store.DropConfig{Subject: "s"}, store.DropConfig{Subject: "never"})
	got, _ := load(t, s)
	same(t, got, []store.Change{deleted, put("t", 1, 2, `"long"`)})
	// A version may get another id, as imports do, and an id may come again with other content once it is unused.
	at = apply(t, s, at, put("t", 1, 5, `"float"`), store.DropVersion{Subject: "s", Number: 2})
	apply(t, s, at, put("s", 1, 2, `"double"`))
	got, _ = load(t, s)
	same(t, got, []store.Change{put("s", 1, 2, `"double"`), put("t", 1, 5, `"float"`)})
}

func conflicts(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	defer s.Close()
	at := apply(t, s, 0, put("s", 1, 1, `"int"`))
	for _, wrong := range []store.Position{0, at + 1} {
		if _, err := s.Apply(t.Context(), wrong, []store.Change{put("s", 1, 2, `"long"`)}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("apply at %d in a store at %d: %v", wrong, at, err)
		}
	}
	got, now := load(t, s)
	same(t, got, []store.Change{put("s", 1, 1, `"int"`)})
	if now != at {
		t.Errorf("position %d after refused changes, want %d", now, at)
	}
}

func race(t *testing.T, open Open) {
	place := t.TempDir()
	a, b := open(t, place), open(t, place)
	defer a.Close()
	defer b.Close()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, s := range []store.Store{a, b} {
		wg.Go(func() {
			_, errs[i] = s.Apply(t.Context(), 0, []store.Change{put("s", 1, int32(i+1), fmt.Sprintf(`"t%d"`, i))})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, store.ErrConflict) {
			t.Errorf("the loser got %v", err)
		}
	}
	if got, _ := load(t, a); won != 1 || len(got) != 1 {
		t.Errorf("%d of two writers won, and %d versions are there", won, len(got))
	}
}

func atomic(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	defer s.Close()
	if _, err := s.Apply(t.Context(), 0, []store.Change{put("s", 1, 1, `"int"`), nil}); err == nil {
		t.Fatal("a change of no kind was accepted")
	}
	if got, at := load(t, s); len(got) != 0 || at != 0 {
		t.Errorf("a failed transaction left %s at %d", show(got), at)
	}
	apply(t, s, 0, put("s", 1, 1, `"int"`)) // and the store still works
}

func since(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	defer s.Close()
	first := apply(t, s, 0, put("s", 1, 1, `"int"`), put("s", 2, 2, `"long"`), store.PutMode{Subject: "s", Mode: model.Import})
	second := apply(t, s, first, store.DropVersion{Subject: "s", Number: 1}, put("s", 2, 3, `"float"`),
		store.PutConfig{Subject: "s", Config: model.Config{Level: model.None}}, put("s", 2, 4, `"double"`),
		store.DropMode{Subject: "s"}, store.PutContext{Name: ".c", MaxID: 4, Listed: true})
	read := func(after store.Position) ([]store.Change, store.Position, error) {
		var got []store.Change
		at, err := s.Since(t.Context(), after, func(c store.Change) error { got = append(got, c); return nil })
		return got, at, err
	}
	got, at, err := read(first)
	if err != nil || at != second {
		t.Fatalf("since %d: at %d, %v", first, at, err)
	}
	same(t, got, []store.Change{store.DropVersion{Subject: "s", Number: 1},
		store.PutConfig{Subject: "s", Config: model.Config{Level: model.None}}, put("s", 2, 4, `"double"`),
		store.DropMode{Subject: "s"}, store.PutContext{Name: ".c", MaxID: 4, Listed: true}})
	if got, at, err = read(second); err != nil || at != second || len(got) != 0 {
		t.Errorf("since the end: %d changes at %d, %v", len(got), at, err)
	}
	if _, _, err = read(second + 1); !errors.Is(err, store.ErrTooOld) {
		t.Errorf("since a position that is not there: %v", err)
	}
}

func given(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	defer s.Close()
	v := put("s", 1, 1, `"int"`)
	v.Given = `{ "type": "int" }`
	at := apply(t, s, 0, v, put("s", 2, 1, `"int"`))
	deleted := put("s", 1, 1, `"int"`)
	deleted.Version.Deleted = true
	at = apply(t, s, at, deleted) // a change of the version keeps its text
	for number, want := range map[int32]string{1: `{ "type": "int" }`, 2: `"int"`} {
		if text, ok, err := s.Given(t.Context(), "s", number); text != want || !ok || err != nil {
			t.Errorf("version %d was given as %q, %t, %v; want %q", number, text, ok, err, want)
		}
	}
	apply(t, s, at, put("s", 1, 2, `"long"`)) // another schema brings its own
	if text, _, _ := s.Given(t.Context(), "s", 1); text != `"long"` {
		t.Errorf("a replaced version is still given as %q", text)
	}
	if _, ok, err := s.Given(t.Context(), "s", 9); ok || err != nil {
		t.Errorf("a version that is not there: %t, %v", ok, err)
	}
}

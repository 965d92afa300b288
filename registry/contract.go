package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// prefixSize is the size of Confluent's prefix: a zero byte and the schema id as a big-endian int32.
const prefixSize = 5

// maxGuards bounds the contract's cache: how many pairs of subject and id it remembers.
const maxGuards = 16_384

// PayloadCheck is the answer to whether bytes fit the schema that they name.
type PayloadCheck struct {
	SchemaID int32 // 0 if none could be read
	OK       bool
	// Pointer is the place of the fault in the datum, such as targets[2].id; "" if the whole payload is at fault.
	Pointer string
	// Reason is one line, for people; "" if OK.
	Reason string
}

// CheckPayload asks what a broker asks before it takes a record: does payload, a key or value in Confluent's wire
// format, name a schema that is registered under the subject, and, with decode, are the bytes after the prefix exactly one
// datum of it? The subject may be an alias.
//
// Softly deleted versions do not count: readers still find such a schema by its id, but no new record may use it.
// Schemas whose root is bytes take any bytes, because Confluent's serializers write such values without Avro's length.
// For schemas in other languages than Avro decode is the same as not.
//
// An error means that it could not decide, never that the payload is bad. CheckPayload keeps no part of payload. It is
// safe for concurrent use; once it has seen a pair of subject and id it takes no lock and allocates nothing, until the
// subject changes.
func (r *Registry) CheckPayload(ctx context.Context, naming Naming, decode bool, payload []byte) (PayloadCheck, error) {
	if len(payload) < prefixSize || payload[0] != 0 {
		return PayloadCheck{Reason: noPrefix(payload)}, nil
	}
	return r.checkDatum(ctx, naming, decode, int32(binary.BigEndian.Uint32(payload[1:])), payload[prefixSize:])
}

// checkDatum is CheckPayload once the id is known.
func (r *Registry) checkDatum(ctx context.Context, naming Naming, decode bool, id int32, datum []byte) (PayloadCheck, error) {
	entry := r.guards.find(naming, id)
	if entry == nil {
		if err := ctx.Err(); err != nil {
			return PayloadCheck{SchemaID: id}, fmt.Errorf("schema %d of subject %q: %w", id, naming, err)
		}
		var reason string
		if entry, reason = r.guard(naming, id); entry == nil {
			return PayloadCheck{SchemaID: id, Reason: reason}, nil
		}
	}
	if !decode || entry.anything {
		return PayloadCheck{SchemaID: id, OK: true}, nil
	}
	if entry.validator == nil {
		return PayloadCheck{SchemaID: id, Reason: entry.unusable}, nil
	}
	if err := entry.validator.Validate(datum); err != nil {
		check := PayloadCheck{SchemaID: id, Reason: err.Error()}
		if fault := (*avro.Error)(nil); errors.As(err, &fault) {
			check.Pointer, check.Reason = fault.Path, fault.Reason
		}
		return check, nil
	}
	return PayloadCheck{SchemaID: id, OK: true}, nil
}

func noPrefix(payload []byte) string {
	const want = "a registered record begins with a zero byte and a four-byte schema id"
	if len(payload) < prefixSize {
		return fmt.Sprintf("no schema id: there are only %d bytes, and %s", len(payload), want)
	}
	return fmt.Sprintf("no schema id: the first byte is 0x%02x, and %s", payload[0], want)
}

// guardEntry is what the contract knows of an id that is registered under a subject. It is immutable.
type guardEntry struct {
	anything  bool // any bytes will do
	validator *avro.Validator
	unusable  string // why there is no validator
}

// guard decides about a pair that is not cached, and caches it if the id is registered. Refusals are not cached: ids
// come from outside.
func (r *Registry) guard(naming Naming, id int32) (*guardEntry, string) {
	var parsed *schema.Schema
	var fault error
	now := r.present()
	subject, reason := r.subject(now, naming, id)
	if reason != "" {
		return nil, reason
	}
	version, reason := registered(now, subject, id)
	if version == nil {
		return nil, reason
	}
	if version.Schema.Type == model.Avro {
		parsed, fault = r.stored(now, version, 1)
	}
	entry := r.compile(version, parsed, fault)
	r.inRead(func(c *catalog) {
		// What was true before the compilation must still be: what publishes a change forgets first.
		if now, _ := registered(c, subject, id); now != nil && now.Schema.Same(version.Schema) {
			r.guards.add(naming, resolve(c, subject), id, entry)
		}
	})
	return entry, ""
}

// registered finds the live version of a subject that has an id, or says why there is none.
func registered(v view, subject string, id int32) (*model.Version, string) {
	s := resolve(v, subject)
	deleted := false
	if versions := v.subject(s); versions != nil {
		for _, version := range versions.versions {
			switch {
			case version.ID != id:
			case version.Deleted:
				deleted = true
			default:
				return version, ""
			}
		}
	}
	switch {
	case deleted:
		return nil, fmt.Sprintf("schema %d was deleted from subject %s", id, s)
	case v.identity(s.Context(), id) != nil:
		return nil, fmt.Sprintf("schema %d is not registered under subject %s", id, s)
	}
	return nil, fmt.Sprintf("there is no schema %d", id)
}

func (r *Registry) compile(version *model.Version, parsed *schema.Schema, fault error) *guardEntry {
	switch {
	case version.Schema.Type != model.Avro:
		return &guardEntry{anything: true}
	case fault == nil && parsed.Root().Kind == schema.Bytes:
		return &guardEntry{anything: true}
	case fault != nil:
		return &guardEntry{unusable: "the schema cannot be used: " + fault.Error()}
	}
	validator, err := avro.NewValidator(parsed)
	if err != nil {
		return &guardEntry{unusable: "the schema cannot be used: " + err.Error()}
	}
	return &guardEntry{validator: validator}
}

// guards is the contract's cache: Naming as asked, then id, to entry. Readers take no lock: tables are replaced, never
// changed. Entries are added under the catalog's read lock and forgotten under its write lock, so none outlives the
// state that it was concluded from.
type guards struct {
	seed   maphash.Seed
	shards [64]guardShard
	size   atomic.Int64 // entries, roughly
	// spelled counts guards under another name than their subject's: aliases, say, and names by record.
	spelled atomic.Int64
}

type guardShard struct {
	mu    sync.Mutex // taken to replace table
	table atomic.Pointer[map[Naming]*guard]
}

// guard is the table of one Naming.
type guard struct {
	ids   atomic.Pointer[map[int32]*guardEntry]
	guids atomic.Pointer[map[GUID]int32] // of the entries that were asked for by GUID; nil if none was
}

func newGuards() *guards { return &guards{seed: maphash.MakeSeed()} }

func (g *guards) shard(naming Naming) *guardShard {
	return &g.shards[maphash.String(g.seed, string(naming))%uint64(len(g.shards))]
}

func (g *guards) find(naming Naming, id int32) *guardEntry {
	table := g.shard(naming).table.Load()
	if table == nil {
		return nil
	}
	if found := (*table)[naming]; found != nil {
		return (*found.ids.Load())[id]
	}
	return nil
}

func (g *guards) add(naming Naming, target model.Subject, id int32, entry *guardEntry) {
	if g.size.Add(1) > maxGuards {
		g.forgetAll()
		g.size.Store(1)
	}
	if string(naming) != string(target) {
		g.spelled.Add(1)
	}
	s := g.shard(naming)
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.table.Load()
	if table != nil && (*table)[naming] != nil {
		found := (*table)[naming]
		ids := maps.Clone(*found.ids.Load())
		ids[id] = entry
		found.ids.Store(&ids)
		return
	}
	next := map[Naming]*guard{}
	if table != nil {
		next = maps.Clone(*table)
	}
	found := &guard{}
	found.ids.Store(&map[int32]*guardEntry{id: entry})
	next[naming] = found
	s.table.Store(&next)
}

// forget drops what was concluded about a subject.
func (g *guards) forget(subject model.Subject) {
	if g.spelled.Load() > 0 {
		g.forgetAll()
		return
	}
	naming := Naming(subject)
	s := g.shard(naming)
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.table.Load()
	if table == nil || (*table)[naming] == nil {
		return
	}
	g.size.Add(-int64(len(*(*table)[naming].ids.Load())))
	next := maps.Clone(*table)
	delete(next, naming)
	s.table.Store(&next)
}

// forgetAll drops everything.
func (g *guards) forgetAll() {
	for i := range g.shards {
		s := &g.shards[i]
		s.mu.Lock()
		s.table.Store(nil)
		s.mu.Unlock()
	}
	g.size.Store(0)
	g.spelled.Store(0)
}

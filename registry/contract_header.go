package registry

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// guidSize is the size of a header that names a schema by its GUID: 01 and the GUID.
const guidSize = 1 + len(GUID{})

// CheckHeader is CheckPayload for a key or value whose schema a header of its record names (Confluent's
// __key_schema_id and __value_schema_id): 01 and the schema's GUID, or 00 and its id. The payload is the datum alone.
func (r *Registry) CheckHeader(ctx context.Context, naming Naming, decode bool, header, payload []byte) (PayloadCheck, error) {
	switch {
	case len(header) == prefixSize && header[0] == 0:
		return r.checkDatum(ctx, naming, decode, int32(binary.BigEndian.Uint32(header[1:])), payload)
	case len(header) != guidSize || header[0] != 1:
		return PayloadCheck{Reason: fmt.Sprintf("the header that names the schema has %d bytes; it must be 0x01 and a GUID of 16 bytes, "+
			"or 0x00 and an id of 4", len(header))}, nil
	}
	guid := GUID(header[1:])
	id, known := r.guards.findGUID(naming, guid)
	subject := ""
	if !known {
		if err := ctx.Err(); err != nil {
			return PayloadCheck{}, fmt.Errorf("schema %s of subject %q: %w", guid, naming, err)
		}
		var reason string
		if subject, id, reason = r.namedGUID(naming, guid); reason != "" {
			return PayloadCheck{SchemaID: id, Reason: reason}, nil
		}
	}
	check, err := r.checkDatum(ctx, naming, decode, id, payload)
	if !known && err == nil {
		r.inRead(func(c *catalog) {
			// As with entries: what was concluded must still be so, because what publishes a change forgets first.
			if now, reason := registeredGUID(c, subject, guid); reason == "" && now == id {
				r.guards.addGUID(naming, guid, id)
			}
		})
	}
	return check, err
}

// namedGUID finds the subject of a content, as it would be written, and the id that it has there.
func (r *Registry) namedGUID(naming Naming, guid GUID) (subject string, id int32, reason string) {
	now := r.present()
	id, known := now.idOf(model.DefaultContext, guid)
	if subject = string(naming); strings.HasPrefix(subject, byRecord) {
		if !known {
			return "", 0, fmt.Sprintf("there is no schema %s", guid)
		}
		if subject, reason = r.subject(now, naming, id); reason != "" {
			return "", id, reason
		}
	}
	id, reason = registeredGUID(now, subject, guid)
	return subject, id, reason
}

// registeredGUID finds the id of a subject's live version with a content, or says why there is none.
func registeredGUID(v view, subject string, guid GUID) (int32, string) {
	s := resolve(v, subject)
	var found *model.Version
	deleted := false
	if versions := v.subject(s); versions != nil {
		for _, version := range versions.versions {
			switch {
			case version.Schema.GUID != guid:
			case version.Deleted:
				deleted = true
			case found != nil && !found.Schema.Same(version.Schema):
				return 0, fmt.Sprintf("subject %s has several schemas with the GUID %s", s, guid)
			default:
				found = version
			}
		}
	}
	switch {
	case found != nil:
		return found.ID, ""
	case deleted:
		return 0, fmt.Sprintf("schema %s was deleted from subject %s", guid, s)
	}
	return 0, fmt.Sprintf("schema %s is not registered under subject %s", guid, s)
}

func (g *guards) findGUID(naming Naming, guid GUID) (int32, bool) {
	table := g.shard(naming).table.Load()
	if table == nil {
		return 0, false
	}
	if found := (*table)[naming]; found != nil {
		if guids := found.guids.Load(); guids != nil {
			id, ok := (*guids)[guid]
			return id, ok
		}
	}
	return 0, false
}

// addGUID remembers a GUID for an entry that is cached; without one it remembers nothing, so that the cache's bound holds.
func (g *guards) addGUID(naming Naming, guid GUID, id int32) {
	s := g.shard(naming)
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.table.Load()
	if table == nil {
		return
	}
	found := (*table)[naming]
	if found == nil || (*found.ids.Load())[id] == nil {
		return
	}
	next := map[GUID]int32{guid: id}
	if guids := found.guids.Load(); guids != nil {
		next = maps.Clone(*guids)
		next[guid] = id
	}
	found.guids.Store(&next)
}

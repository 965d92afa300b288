package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
)

// nonStrings is the metadata entry that lists, as a JSON array, the paths whose values are JSON text because the source
// has no string there. No path is spelled so: they begin with a slash.
const nonStrings = "non_strings"

// maxMetadata bounds an event's metadata in bytes. Paths repeat what they go through, so a hostile line could grow a
// millionfold here.
const maxMetadata = 768 << 10

// place says which field of the event holds a source's field. For one shape of log it is always the same field.
type place struct {
	pointer string
	// field returns what the event holds, in the source's form.
	field func(*audit.AuditEvent) avro.Opt[string]
}

// keepRest puts into metadata every value of the source that its place in the event does not hold exactly: by its JSON
// pointer (RFC 6901), strings as they are, everything else (numbers, booleans, null, {} and []) as JSON text.
func keepRest(e *audit.AuditEvent, root *value, places []place) error {
	k := keeper{event: e, places: make(map[string]place, len(places))}
	for _, p := range places {
		k.places[p.pointer] = p
	}
	e.Metadata = map[string]string{}
	if err := k.keep("", root); err != nil {
		return err
	}
	if len(k.others) > 0 {
		list, err := json.Marshal(k.others)
		if err != nil {
			return err
		}
		e.Metadata[nonStrings] = string(list)
	}
	return nil
}

type keeper struct {
	event  *audit.AuditEvent
	places map[string]place
	others []string // paths of what is no string
	size   int
}

func (k *keeper) keep(pointer string, v *value) error {
	for i := range v.items {
		if err := k.keep(pointer+"/"+strconv.Itoa(i), &v.items[i]); err != nil {
			return err
		}
	}
	for i := range v.members {
		m := &v.members[i]
		if err := k.keep(pointer+"/"+escapePointer(m.name), &m.value); err != nil {
			return err
		}
	}
	if len(v.items)+len(v.members) > 0 {
		return nil
	}
	text := v.raw
	if v.kind == kindString {
		text = v.text
		if p, ok := k.places[pointer]; ok && p.field(k.event) == avro.Some(text) {
			return nil
		}
	} else {
		k.others = append(k.others, pointer)
		k.size += len(pointer)
	}
	if k.size += len(pointer) + len(text); k.size > maxMetadata {
		return fmt.Errorf("the event is too large: its fields and their paths take more than %d bytes", maxMetadata)
	}
	k.event.Metadata[pointer] = text
	return nil
}

// escapePointer writes a name as a token of a JSON pointer.
func escapePointer(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

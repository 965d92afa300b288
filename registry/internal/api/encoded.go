package api

import (
	"sync"

	"github.com/typelog/typelog/registry/internal/model"
)

// The cache of printed answers is bounded in entries and bytes; when it is full it begins anew.
const (
	maxEncoded      = 8192
	maxEncodedBytes = 8 << 20
)

// encoded remembers the printed answers to GET /schemas/ids/{id}, which every consumer asks at its start. A version is
// immutable, so an answer never becomes wrong; a change makes another version.
type encoded struct {
	mu      sync.RWMutex // guards what follows
	answers map[*model.Version][]byte
	size    int
}

// of is the answer for a version, which the caller must not change.
func (e *encoded) of(v *model.Version, print func() []byte) []byte {
	e.mu.RLock()
	text, ok := e.answers[v]
	e.mu.RUnlock()
	if ok {
		return text
	}
	text = print()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.answers == nil || len(e.answers) >= maxEncoded || e.size+len(text) > maxEncodedBytes {
		e.answers, e.size = map[*model.Version][]byte{}, 0
	}
	if _, ok := e.answers[v]; !ok {
		e.answers[v] = text
		e.size += len(text)
	}
	return text
}

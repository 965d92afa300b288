package main

import (
	"crypto/sha256"
	"hash"

	"github.com/typelog/typelog/schemas/audit"
)

// chain gives each line of a log its event id: the first 16 bytes of Hn, with H0 = SHA-256(source name) and
// Hn = SHA-256(Hn-1 + line n). A line is its bytes without the line ending, which is LF or CRLF, so a log keeps its ids
// when its line endings are converted. An id depends on all that came before: identical lines get different ids, and a
// log that grows keeps the ids that it has. Every line counts, blank and bad ones too.
type chain struct {
	sum  [sha256.Size]byte
	open hash.Hash // of the line that is being added; nil between lines
}

func newChain(source string) *chain {
	return &chain{sum: sha256.Sum256([]byte(source))}
}

// add adds a part of the current line.
func (c *chain) add(part []byte) {
	if c.open == nil {
		c.open = sha256.New()
		c.open.Write(c.sum[:])
	}
	c.open.Write(part)
}

// end ends the line and returns its id.
func (c *chain) end() audit.EventID {
	c.add(nil)
	c.open.Sum(c.sum[:0])
	c.open = nil
	return audit.EventID(c.sum[:16])
}

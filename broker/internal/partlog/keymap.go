package partlog

import "crypto/sha256"

// keyMap knows the last offset of each key in a range of a log. It holds hashes, long enough that nobody finds two keys with
// the same one: who did could make another's records vanish.
type keyMap map[keyHash]int64

type keyHash [16]byte

func hashKey(key []byte) keyHash {
	sum := sha256.Sum256(key)
	return keyHash(sum[:])
}

func (m keyMap) put(key []byte, offset int64) { m[hashKey(key)] = offset }

// superseded reports whether the range has a later record of the key.
func (m keyMap) superseded(key []byte, offset int64) bool {
	last, ok := m[hashKey(key)]
	return ok && last > offset
}

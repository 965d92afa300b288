package codegen

import "fmt"

// scope remembers which Go identifiers of the package are taken, and by what.
type scope struct{ taken map[string]string }

func newScope() *scope { return &scope{taken: map[string]string{}} }

// claim takes an identifier for origin, or fails naming both that want it.
func (s *scope) claim(ident, origin string) error {
	if other, ok := s.taken[ident]; ok {
		return fmt.Errorf("two things would be %s in Go: %s and %s", ident, other, origin)
	}
	s.taken[ident] = origin
	return nil
}

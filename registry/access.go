package registry

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/typelog/typelog/registry/internal/access"
	"github.com/typelog/typelog/registry/internal/api"
	"github.com/typelog/typelog/registry/internal/model"
)

// HashPassword hashes a password for a file of users (Config.UsersFile), with a new salt. It takes a good part of a second.
func HashPassword(password string) (string, error) {
	hash, err := access.Hash(password)
	if err != nil {
		return "", fmt.Errorf("registry: %w", err)
	}
	return hash, nil
}

// basicAuth finds out who calls by HTTP's basic authentication (RFC 7617).
func basicAuth(users *access.Users) func(*http.Request) (api.Caller, error) {
	return func(r *http.Request) (api.Caller, error) {
		name, password, ok := r.BasicAuth()
		if !ok {
			return nil, api.ErrUnauthenticated
		}
		user, err := users.Check(r.Context(), name, password)
		if errors.Is(err, access.ErrDenied) {
			err = api.ErrUnauthenticated
		}
		return caller{user}, err
	}
}

// caller is a user as the routes see one.
type caller struct{ user *access.User }

func level(a api.Access) access.Level {
	switch a {
	case api.Describe, api.Read:
		return access.Read
	case api.Write:
		return access.Write
	}
	return access.Admin
}

func (c caller) May(a api.Access, s model.Subject) bool { return c.user.May(level(a), s) }

// MayWithout: what reads is open to everybody who may read something, and shows them that only; what changes needs the
// right to everything.
func (c caller) MayWithout(a api.Access) bool {
	if l := level(a); l != access.Read {
		return c.user.All(l)
	}
	return c.user.Any(access.Read)
}

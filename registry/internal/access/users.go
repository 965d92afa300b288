// Package access knows who may do what: a file of users with hashed passwords and rights. It reads the file once and
// compares; it knows no HTTP and no registry, only names of subjects.
//
// A line of the file is NAME HASH RIGHT..., separated by white space; # begins a comment. A right is read, write or admin,
// for everything or, as write:PREFIX, for the subjects whose names begin with PREFIX (in a context: :.context:PREFIX).
// write includes read, and admin includes write. Only admin without a prefix may change what belongs to no subject.
package access

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/typelog/typelog/registry/internal/model"
)

// maxFile bounds a file of users in bytes, and the number of passwords that are remembered.
const (
	maxFile       = 4 << 20
	maxRemembered = 10_000
)

// ErrDenied is told to callers whose name or password is wrong.
var ErrDenied = errors.New("wrong user name or password")

// Level is how much a right allows.
type Level uint8

// The levels, each with all before it.
const (
	None  Level = iota
	Read        // read schemas, ask for compatibility
	Write       // register schemas and tags
	Admin       // delete, undelete, configure
)

// right is a level for subjects.
type right struct {
	level  Level
	prefix string
}

// User is who calls. It is immutable.
type User struct {
	Name   string
	hash   hash
	rights []right
}

// Users are all users of a file. It is safe for concurrent use.
type Users struct {
	users map[string]*User
	// nobody is compared with where a name is unknown, so that an answer takes as long.
	nobody hash
	// key makes digests of passwords worthless outside this process.
	key [32]byte
	// slow bounds how many passwords are being compared: each takes a good part of a second of a processor.
	slow chan struct{}

	mu    sync.RWMutex // guards known
	known map[[32]byte]bool
}

// Load reads a file of users. Errors name the file and the line.
func Load(path string) (*Users, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	u, err := Parse(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return u, nil
}

// Parse reads users.
func Parse(r io.Reader) (*Users, error) {
	u := &Users{users: map[string]*User{}, slow: make(chan struct{}, 2), known: map[[32]byte]bool{}}
	rand.Read(u.key[:])
	lines := bufio.NewScanner(r)
	size := 0
	for number := 1; lines.Scan(); number++ {
		if size += len(lines.Bytes()) + 1; size > maxFile {
			return nil, fmt.Errorf("it has more than %d bytes", maxFile)
		}
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		user, err := parseUser(fields)
		if err == nil && u.users[user.Name] != nil {
			err = fmt.Errorf("user %q is there twice", user.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		u.users[user.Name], u.nobody = user, user.hash
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(u.users) == 0 {
		return nil, errors.New("it has no users: add lines NAME HASH RIGHT... (typelog registry hash-password makes a HASH)")
	}
	return u, nil
}

func parseUser(fields []string) (*User, error) {
	if len(fields) < 3 {
		return nil, errors.New("want NAME HASH RIGHT..., such as: ana HASH admin")
	}
	h, err := parseHash(fields[1])
	if err != nil {
		return nil, err
	}
	user := &User{Name: fields[0], hash: h}
	if strings.Contains(user.Name, ":") {
		return nil, fmt.Errorf("user name %q: it must not have a colon", user.Name)
	}
	for _, text := range fields[2:] {
		word, prefix, _ := strings.Cut(text, ":")
		r := right{prefix: prefix}
		if strings.HasPrefix(prefix, ":.") && strings.Count(prefix, ":") > 1 {
			r.prefix = string(model.ParseSubject(prefix))
		}
		switch word {
		case "read":
			r.level = Read
		case "write":
			r.level = Write
		case "admin":
			r.level = Admin
		default:
			return nil, fmt.Errorf("right %q: want read, write or admin, or one of them with a prefix, such as write:orders-", text)
		}
		user.rights = append(user.rights, r)
	}
	return user, nil
}

// Check returns the user of this name if the password is theirs; else ErrDenied, or ctx's error if its turn did not come.
// A password that was right once is compared quickly from then on.
func (u *Users) Check(ctx context.Context, name, password string) (*User, error) {
	user := u.users[name]
	digest := u.digest(name, password)
	u.mu.RLock()
	known := u.known[digest]
	u.mu.RUnlock()
	if known && user != nil {
		return user, nil
	}
	select {
	case u.slow <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-u.slow }()
	h := u.nobody
	if user != nil {
		h = user.hash
	}
	if !h.fits(password) || user == nil {
		return nil, ErrDenied
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.known) < maxRemembered {
		u.known[digest] = true
	}
	return user, nil
}

func (u *Users) digest(name, password string) [32]byte {
	m := hmac.New(sha256.New, u.key[:])
	fmt.Fprintf(m, "%d:%s%s", len(name), name, password)
	return [32]byte(m.Sum(nil))
}

// Any reports whether the user has a right of a level to any subject at all.
func (u *User) Any(level Level) bool {
	for _, r := range u.rights {
		if r.level >= level {
			return true
		}
	}
	return false
}

// May reports whether the user has a right to a subject, in its canonical spelling.
func (u *User) May(level Level, subject model.Subject) bool {
	for _, r := range u.rights {
		if r.level >= level && strings.HasPrefix(string(subject), r.prefix) {
			return true
		}
	}
	return false
}

// All reports whether the user has a right to everything.
func (u *User) All(level Level) bool {
	for _, r := range u.rights {
		if r.level >= level && r.prefix == "" {
			return true
		}
	}
	return false
}

// equal compares in constant time.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

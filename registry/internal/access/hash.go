package access

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scheme names how passwords are hashed: PBKDF2 (RFC 8018) with HMAC-SHA-256. A hash is written as
// pbkdf2-sha256$ITERATIONS$SALT$KEY, salt and key in base64 without padding.
const scheme = "pbkdf2-sha256"

const (
	iterations    = 600_000
	minIterations = 10_000
	maxIterations = 10_000_000 // more would let one login stop a processor
	saltSize      = 16
	keySize       = 32
	maxPassword   = 1024 // bytes
)

type hash struct {
	iterations int
	salt, key  []byte
}

// Hash hashes a password with a new salt, for a file of users.
func Hash(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password has more than %d bytes", maxPassword)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return hashWith(password, salt, iterations)
}

func hashWith(password string, salt []byte, iterations int) (string, error) {
	key, err := pbkdf2.Key(sha256.New, password, salt, iterations, keySize)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return scheme + "$" + strconv.Itoa(iterations) + "$" + b64(salt) + "$" + b64(key), nil
}

func parseHash(text string) (hash, error) {
	parts := strings.Split(text, "$")
	fault := errors.New("the hash is none of typelog registry hash-password: want " + scheme + "$ITERATIONS$SALT$KEY")
	if len(parts) != 4 || parts[0] != scheme {
		return hash{}, fault
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < minIterations || n > maxIterations {
		return hash{}, fmt.Errorf("the hash has %s iterations: want %d to %d", parts[1], minIterations, maxIterations)
	}
	h := hash{iterations: n}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[2]); err != nil || len(h.salt) < 8 {
		return hash{}, fault
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[3]); err != nil || len(h.key) != keySize {
		return hash{}, fault
	}
	return h, nil
}

func (h hash) fits(password string) bool {
	if len(password) > maxPassword {
		return false
	}
	key, err := pbkdf2.Key(sha256.New, password, h.salt, h.iterations, keySize)
	return err == nil && equal(key, h.key)
}

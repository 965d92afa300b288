package access

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/typelog/typelog/registry/internal/model"
)

// quick is a hash that tests can afford.
func quick(t *testing.T, password string) string {
	t.Helper()
	h, err := hashWith(password, []byte("salt of a test"), minIterations)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestUsers(t *testing.T) {
	u, err := Parse(strings.NewReader("# people\n" +
		"ana " + quick(t, "secret") + " admin\n\n" +
		"shop\t" + quick(t, "pass word") + " write:shop- read # the shop's services\n" +
		"eu " + quick(t, "x") + " admin::.eu: read:a\n"))
	if err != nil {
		t.Fatal(err)
	}
	login := func(name, password string) *User {
		t.Helper()
		for range 2 { // the second time it is remembered
			user, err := u.Check(t.Context(), name, password)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if user.Name != name {
				t.Fatalf("%s is %s", name, user.Name)
			}
		}
		user, _ := u.Check(t.Context(), name, password)
		return user
	}
	for _, c := range []struct{ name, password string }{{"ana", "secret "}, {"ana", ""}, {"bob", "secret"}, {"", ""}, {"an", "asecret"},
		{"ana", strings.Repeat("x", 5000)}} {
		if user, err := u.Check(t.Context(), c.name, c.password); !errors.Is(err, ErrDenied) || user != nil {
			t.Errorf("%q %q: %v, %v", c.name, c.password, user, err)
		}
	}
	ana, shop, eu := login("ana", "secret"), login("shop", "pass word"), login("eu", "x")
	for _, c := range []struct {
		user    *User
		level   Level
		subject model.Subject
		want    bool
	}{
		{ana, Admin, "x", true}, {ana, Admin, ":.eu:x", true},
		{shop, Write, "shop-orders", true}, {shop, Write, "orders", false}, {shop, Read, "orders", true}, {shop, Admin, "shop-orders", false},
		{shop, Write, ":.eu:shop-orders", false},
		{eu, Admin, ":.eu:x", true}, {eu, Admin, ":.eu:", true}, {eu, Read, "b", false}, {eu, Read, "ab", true}, {eu, Write, "ab", false},
		{eu, Admin, "", false}, {eu, Admin, ":.europe:x", false},
	} {
		if got := c.user.May(c.level, c.subject); got != c.want {
			t.Errorf("%s, level %d, %q: %t", c.user.Name, c.level, c.subject, got)
		}
	}
	if !ana.All(Admin) || shop.All(Write) || !shop.All(Read) || eu.All(Read) || !eu.Any(Admin) || shop.Any(Admin) {
		t.Error("the rights to everything or to anything are wrong")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	u.slow <- struct{}{}
	u.slow <- struct{}{}
	if _, err := u.Check(ctx, "ana", "wrong"); !errors.Is(err, context.Canceled) {
		t.Errorf("without a turn: %v", err)
	}
	if _, err := u.Check(ctx, "ana", "secret"); err != nil {
		t.Errorf("a remembered password waits: %v", err)
	}
}

func TestBadUsers(t *testing.T) {
	h := quick(t, "x")
	for text, want := range map[string]string{
		"":                    "no users",
		"ana " + h:            "line 1: want NAME HASH RIGHT",
		"\nana plain admin":   "line 2: the hash is none",
		"ana " + h + " owner": `right "owner"`,
		"ana " + h + " admin\nana " + h + " read":  `line 2: user "ana" is there twice`,
		"a:b " + h + " admin":                      "colon",
		"ana pbkdf2-sha256$1$c2FsdHNhbHQ$eA admin": "iterations",
	} {
		if _, err := Parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestHash(t *testing.T) {
	h, err := Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Hash("secret")
	if h == again {
		t.Error("two hashes have one salt")
	}
	parsed, err := parseHash(h)
	if err != nil || !parsed.fits("secret") || parsed.fits("Secret") {
		t.Errorf("%s: %v", h, err)
	}
	if _, err := Hash(""); err == nil {
		t.Error("an empty password was hashed")
	}
	// RFC 7914, section 11: P="Password", S="NaCl", c=80000; the first 32 bytes.
	if got, _ := hashWith("Password", []byte("NaCl"), 80000); !strings.HasSuffix(got, "$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y") {
		t.Errorf("%s", got)
	}
}

func FuzzUsers(f *testing.F) {
	f.Add("ana pbkdf2-sha256$10000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA admin read:x # c\n")
	f.Fuzz(func(t *testing.T, text string) {
		if u, err := Parse(strings.NewReader(text)); err == nil && len(u.users) == 0 {
			t.Error("a file without users was accepted")
		}
	})
}

package node

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "typelog.yaml")
	for _, tc := range []struct{ text, says string }{
		{"", ""},
		{"data: /d\nlisteners:\n  - {name: IN, bind: 'localhost:1'}\n  - {name: OUT, bind: ':2', advertise: 'h:2'}\nsettings: {num.partitions: 3}\n", ""},
		{"listners: []\n", "line 1: field listners not found"},
		{"settings: [a]\n", "line 1"},
		{"data: [", "line 1"},
	} {
		if err := os.WriteFile(name, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(name)
		switch {
		case tc.says == "" && err != nil:
			t.Errorf("%q: %v", tc.text, err)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q: %v, want one line with %q", tc.text, err, tc.says)
		case strings.HasPrefix(tc.text, "data: /d"):
			if f.Settings["num.partitions"] != "3" || len(f.Listeners) != 2 || f.Listeners[1].Advertise != "h:2" {
				t.Errorf("%q: read %+v", tc.text, f)
			}
		}
	}
}

// TestOpenGivesBackWhatItTook: whatever is wrong, the error is one line that says what to do, and a second try with the
// fault mended succeeds on the same directory.
func TestOpenGivesBackWhatItTook(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	good := func(dir string) File {
		return File{Data: dir, Listeners: []FileListener{{Bind: "127.0.0.1:0"}}, Registry: FileRegistry{Bind: "127.0.0.1:0"}}
	}
	for name, tc := range map[string]struct {
		spoil func(*File)
		says  string
	}{
		"kafka port taken":    {func(f *File) { f.Listeners[0].Bind = taken.Addr().String() }, "--kafka-addr"},
		"registry port taken": {func(f *File) { f.Registry.Bind = taken.Addr().String() }, "--registry-addr"},
		"wildcard":            {func(f *File) { f.Listeners[0].Bind = "0.0.0.0:0" }, "--advertise"},
		"unknown setting":     {func(f *File) { f.Settings = map[string]string{"num.partitons": "3"} }, "num.partitions"},
		"bad value":           {func(f *File) { f.Settings = map[string]string{"num.partitions": "many"} }, "num.partitions"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			bad := good(dir)
			tc.spoil(&bad)
			_, err := Open(bad, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("Open: %v; want one line with %q", err, tc.says)
			}
			n, err := Open(good(dir), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatalf("Open after the fault was mended: %v", err)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBanner: it names what new topics start from, and offers the strict default only where it is not set already.
func TestBanner(t *testing.T) {
	for set, want := range map[string]string{
		"":       "off for new topics (--set typelog.value.contract.default=reject makes it strict)",
		"reject": "reject for new topics\n",
	} {
		f := File{Data: t.TempDir(), Listeners: []FileListener{{Bind: "127.0.0.1:0"}}, Registry: FileRegistry{Bind: "127.0.0.1:0"}}
		if set != "" {
			f.Settings = map[string]string{contractDefault: set}
		}
		n, err := Open(f, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		banner := n.Banner()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		for _, part := range []string{want, n.dir.Path, n.Kafka()[0].String(), n.Registry()[0].String()} {
			if !strings.Contains(banner, part) {
				t.Errorf("the banner with %q does not say %q:\n%s", set, part, banner)
			}
		}
	}
}

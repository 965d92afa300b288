package bench

import (
	"os"
	"runtime"
	"testing"
)

func TestParseUsage(t *testing.T) {
	stat := []byte("42 (a) name (x) S 1 42 42 0 -1 4194560 100 0 0 0 1234 66 7 8 20 0 9 0 100 1 2 3")
	status := []byte("Name:\ta\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t9\n")
	u, ok := parseUsage(stat, status)
	if want := (usage{true, 13, 10, 20}); !ok || u != want {
		t.Errorf("got %+v, %v, want %+v", u, ok, want)
	}
	for _, bad := range []string{"", "42", "42 (x)", "42 (x) S 1 2 3", "42 (x) S 1 42 42 0 -1 4194560 100 0 0 0 a 66 7"} {
		if u, ok := parseUsage([]byte(bad), status); ok {
			t.Errorf("%q is read as %+v", bad, u)
		}
	}
}

// TestOwnUsage reads this process where the system shows it.
func TestOwnUsage(t *testing.T) {
	u := use(os.Getpid())
	if u.seen != (runtime.GOOS == "linux") {
		t.Fatalf("seen is %v on %s", u.seen, runtime.GOOS)
	}
	if u.seen && (u.rss <= 0 || u.peak < u.rss) {
		t.Errorf("memory of %+v", u)
	}
	if use(0).seen {
		t.Error("process 0 is seen")
	}
}

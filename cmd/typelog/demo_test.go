package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/typelog/typelog/internal/demo"
)

// asCommand makes this test's binary behave as typelog, so that tests can start it as a process of its own.
const asCommand = "TEST_AS_TYPELOG"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestDemo runs what the README promises: every step holds, the kill -9 among them, whatever the environment says to
// another typelog.
func TestDemo(t *testing.T) {
	t.Setenv(asCommand, "1")
	t.Setenv("TYPELOG_ADVERTISE", "nowhere.invalid:9092")
	t.Setenv("TYPELOG_CONFIG", "nowhere.yaml")
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Config{Binary: os.Args[0], Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"acknowledged=35100 read=35100 lost=0 duplicated=0 refused=4", "Every step held"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out.String())
		}
	}
}

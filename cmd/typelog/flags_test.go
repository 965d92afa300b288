package main

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// up returns the command `typelog up`, its flags parsed, before it runs.
func up(t *testing.T, args ...string) *cobra.Command {
	t.Helper()
	cmd := newUpCommand()
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestFlagsFromEnv: the environment fills flags that are not given.
func TestFlagsFromEnv(t *testing.T) {
	t.Setenv("TYPELOG_KAFKA_ADDR", "localhost:1234")
	t.Setenv("TYPELOG_DATA", "/from/env")
	t.Setenv("TYPELOG_SET", "num.partitions=3 typelog.value.contract.default=reject")
	cmd := up(t, "--data", "/from/flag")
	if err := flagsFromEnv(cmd); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"kafka-addr": "localhost:1234", "data": "/from/flag", "registry-addr": "localhost:8081",
	} {
		if got := cmd.Flags().Lookup(name).Value.String(); got != want {
			t.Errorf("--%s is %q, want %q", name, got, want)
		}
	}
	if !cmd.Flags().Changed("kafka-addr") || cmd.Flags().Changed("registry-addr") {
		t.Error("a flag from the environment counts as given, so that it goes before the configuration file; others do not")
	}
	sets, err := cmd.Flags().GetStringArray("set")
	if want := []string{"num.partitions=3", "typelog.value.contract.default=reject"}; err != nil || !reflect.DeepEqual(sets, want) {
		t.Errorf("--set is %q (%v), want %q", sets, err, want)
	}
}

// TestFlagsFromEnvNamesTheVariable: a value that does not fit is refused by every command, with the variable's name.
func TestFlagsFromEnvNamesTheVariable(t *testing.T) {
	t.Setenv("TYPELOG_PARTITIONS", "many")
	if _, err := command(t, "", "topic", "create", "x"); err == nil || !strings.Contains(err.Error(), `TYPELOG_PARTITIONS="many"`) {
		t.Errorf("topic create: %v; want an error that names TYPELOG_PARTITIONS", err)
	}
}

// TestUnknownEnv: a misspelt variable is reported; one of another command, or one that Kubernetes makes, is not.
func TestUnknownEnv(t *testing.T) {
	got := unknownEnv(newRootCommand(), []string{"TYPELOG_KAFKA_ADR=localhost:1", "TYPELOG_KAFKA_ADDR=localhost:1", "TYPELOG_PARTITIONS=3",
		"TYPELOG_DATADIR=/d", "TYPELOG_SERVICE_HOST=10.0.0.1", "TYPELOG_SERVICE_PORT_KAFKA=9092", "TYPELOG_PORT=tcp://10.0.0.1:9092",
		"TYPELOG_PORT_9092_TCP_ADDR=10.0.0.1", "PATH=/bin"})
	if want := []string{"TYPELOG_DATADIR", "TYPELOG_KAFKA_ADR"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	t.Setenv("TYPELOG_PARTITION", "3")
	root := newRootCommand()
	var errOut strings.Builder
	root.SetOut(io.Discard)
	root.SetErr(&errOut)
	root.SetArgs([]string{"topic"})
	if err := root.Execute(); err != nil || !strings.Contains(errOut.String(), "TYPELOG_PARTITION is set in the environment") {
		t.Errorf("%v, %q", err, errOut.String())
	}
}

// TestWrongCommands: what is no command, or lacks its argument, is an error that says what to write.
func TestWrongCommands(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"topic list", `unknown command "list"; 'typelog topic --help'`},
		{"schema frobnicate", `unknown command "frobnicate"; 'typelog schema --help'`},
		{"topic create", "want one NAME, not 0: typelog topic create NAME"},
		{"produce", "want one TOPIC, not 0: typelog produce TOPIC"},
		{"consume a b", "want one TOPIC, not 2: typelog consume TOPIC"},
	} {
		if _, err := command(t, "", strings.Fields(c.args)...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("typelog %s: %v; want %q", c.args, err, c.says)
		}
	}
	if out, err := command(t, "", "topic"); err != nil || !strings.Contains(out, "create") {
		t.Errorf("typelog topic: %v, %q; want its help", err, out)
	}
}

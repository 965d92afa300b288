// Package config is the table of every setting of the broker and every config of a topic: Apache Kafka's names, types,
// defaults and limits, and typelog's own, which begin with "typelog.". It parses and validates values, resolves what
// holds for a topic, and says for each setting whether it has an effect here.
//
// It is pure: no files, no flags, no protocol. The numbers of Type and Source are those that Kafka's DescribeConfigs
// uses, so that api need not translate them.
//
// Flow: flags and file -> New -> Broker; CreateTopics and IncrementalAlterConfigs -> Broker.Topic -> Topic.
package config

import (
	"errors"
	"fmt"
)

// Kinds of errors.
var (
	// ErrUnknown: there is no setting of that name.
	ErrUnknown = errors.New("unknown setting")
	// ErrInvalid: the setting does not take that value.
	ErrInvalid = errors.New("invalid value")
)

// Type is the type of a setting's value.
type Type int8

// The types, with Kafka's numbers.
const (
	Boolean  Type = 1
	String   Type = 2
	Int      Type = 3
	Short    Type = 4
	Long     Type = 5
	Double   Type = 6
	List     Type = 7
	Class    Type = 8
	Password Type = 9
)

var typeNames = [...]string{"", "boolean", "string", "int", "short", "long", "double", "list", "class", "password"}

// String returns Kafka's name for the type, in lower case.
func (t Type) String() string {
	if t < 0 || int(t) >= len(typeNames) {
		return fmt.Sprintf("type %d", int8(t))
	}
	return typeNames[t]
}

// Source says where a value comes from.
type Source int8

// The sources, with Kafka's numbers.
const (
	FromTopic         Source = 1 // set on the topic
	FromDynamicBroker Source = 2 // set on the running broker
	FromBroker        Source = 4 // set when the broker started
	FromDefault       Source = 5
)

// flag is what else there is to say of a setting.
type flag uint8

const (
	readOnly  flag = 1 << iota // cannot be changed while the broker runs
	secret                     // its value is not shown
	noDefault                  // null unless it is set
	byFlag                     // set by a flag or another part of the configuration file
)

// effect says whether a setting does anything here.
type effect bool

const (
	works   effect = true
	ignored effect = false
)

// row is one setting of the tables.
type row struct {
	name   string
	typ    Type
	def    string
	flags  flag
	allow  allow
	effect effect
	doc    string // one line; for a setting that is ignored, why
}

// Why settings are ignored. They are accepted, because configuration files and tools bring them.
const (
	noReplicas         = "Not used: one broker holds every partition, and there are no replicas."
	noQuorum           = "Not used: there is no quorum of controllers."
	noTiers            = "Not used: there is no tiered storage."
	noJMX              = "Not used: metrics are served for Prometheus."
	noSecurity         = "Not used yet: listeners are plain text, without authentication."
	noQuotas           = "Not used yet: there are no quotas."
	noShare            = "Not used yet: there are no share groups."
	noStreams          = "Not used yet: there is no streams group protocol."
	noConsumerProtocol = "Not used yet: groups speak the classic protocol."
	noPlugins          = "Not used: there are no plug-ins."
	noTwoPhase         = "Not used yet: transactions do not take part in a two-phase commit."
	flushesFirst       = "Not used: batches are flushed before they are acknowledged; see typelog.flush."
	ownWay             = "Not used: typelog does this in a way of its own."
)

// find returns the row of that name, or nil. The rows are sorted.
func find(rows []row, name string) *row {
	lo, hi := 0, len(rows)
	for lo < hi {
		mid := (lo + hi) / 2
		if rows[mid].name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(rows) && rows[lo].name == name {
		return &rows[lo]
	}
	return nil
}

// Warning is a setting that was accepted and has no effect.
type Warning struct {
	Name   string
	Reason string
}

// String is one line for an operator.
func (w Warning) String() string { return w.Name + ": " + w.Reason }

// unknown is the error for a name that is not in rows; it names the nearest one.
func unknown(what string, rows []row, name string) error {
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].name
	}
	if near := nearest(names, name); near != "" {
		return fmt.Errorf("%w: there is no %s %q; did you mean %q?", ErrUnknown, what, clip(name), near)
	}
	return fmt.Errorf("%w: there is no %s %q; they have Apache Kafka's names, and some begin with typelog", ErrUnknown, what, clip(name))
}

// clip shortens what came from outside for an error message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

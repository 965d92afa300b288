package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// Broker is the broker's settings, resolved. It never changes and is safe for concurrent use.
type Broker struct {
	set   map[string]string // by the operator, validated
	facts map[string]string // settings whose value comes from elsewhere (flags)
}

// New validates the settings that an operator gave by name. facts are the values of settings that come from flags or
// other parts of the file (node.id, listeners, advertised.listeners, log.dirs); they are only shown. Unknown names,
// invalid values and facts among the settings are errors, all of them joined in the order of their names. The warnings
// name settings that were accepted and have no effect, unless they are set to their default.
func New(settings, facts map[string]string) (*Broker, []Warning, error) {
	b := &Broker{set: make(map[string]string, len(settings)), facts: maps.Clone(facts)}
	var warnings []Warning
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		r := find(brokerRows, name)
		if r == nil {
			if t := findTopic(name); t != nil {
				faults = append(faults, topicNotBroker(t))
			} else {
				faults = append(faults, unknown("broker setting", brokerRows, name))
			}
			continue
		}
		if r.flags&byFlag != 0 {
			faults = append(faults, fmt.Errorf("%w for %s: it cannot be set here. %s", ErrInvalid, name, r.doc))
			continue
		}
		v, err := r.parse(settings[name])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		b.set[name] = v
		if r.effect == ignored && v != r.def {
			warnings = append(warnings, Warning{Name: name, Reason: r.doc})
		}
	}
	if len(faults) == 0 {
		faults = b.consistent()
	}
	if len(faults) > 0 {
		return nil, nil, joined(faults)
	}
	return b, warnings, nil
}

// topicNotBroker is the error for a topic's config among the broker's settings.
func topicNotBroker(t *topicRow) error {
	if len(t.from) > 0 {
		return fmt.Errorf("%w: %s is a config of topics; the broker's default for it is %s", ErrUnknown, t.name, t.from[0].name)
	}
	return fmt.Errorf("%w: %s is a config of topics and has no default of the broker", ErrUnknown, t.name)
}

// consistent checks settings against each other.
func (b *Broker) consistent() []error {
	var faults []error
	if lo, hi := b.Int("group.min.session.timeout.ms"), b.Int("group.max.session.timeout.ms"); lo > hi {
		faults = append(faults, fmt.Errorf("%w for group.min.session.timeout.ms: %d is above group.max.session.timeout.ms, %d",
			ErrInvalid, lo, hi))
	}
	return faults
}

// joined is errors.Join on one line, so that a log line stays one.
type joined []error

func (j joined) Error() string {
	s := j[0].Error()
	for _, err := range j[1:] {
		s += "; " + err.Error()
	}
	return s
}

func (j joined) Unwrap() []error { return j }

// value returns the setting that holds, and whether the operator set it. An unknown name is a bug of the caller's and
// panics.
func (b *Broker) value(name string) (v string, isSet bool) {
	r := find(brokerRows, name)
	if r == nil {
		panic("config: there is no broker setting " + name)
	}
	if v, ok := b.set[name]; ok {
		return v, true
	}
	if v, ok := b.facts[name]; ok {
		return v, true
	}
	return r.def, false
}

// IsSet reports whether the operator set it.
func (b *Broker) IsSet(name string) bool {
	_, set := b.value(name)
	return set
}

// String returns a setting as text. Like all getters, it panics on a name that is not in the table.
func (b *Broker) String(name string) string {
	v, _ := b.value(name)
	return v
}

// Int64 returns a setting of type short, int or long. One without a value is 0.
func (b *Broker) Int64(name string) int64 {
	v, _ := b.value(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic("config: " + name + " is no number")
	}
	return n
}

// Float64 returns a setting of type Double.
func (b *Broker) Float64(name string) float64 {
	v, _ := b.value(name)
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		panic("config: " + name + " is no number")
	}
	return f
}

// Int is Int64, for settings that cannot be larger than the machine's int: on 32-bit machines it stops at the largest.
func (b *Broker) Int(name string) int { return int(min(b.Int64(name), math.MaxInt)) }

// Duration returns a setting in milliseconds as a duration. One that is too long for a duration is the longest.
func (b *Broker) Duration(name string) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(max(min(b.Int64(name), most), -most)) * time.Millisecond
}

// Bool returns a boolean setting.
func (b *Broker) Bool(name string) bool {
	v, _ := b.value(name)
	is, ok := parseBool(v)
	if !ok {
		panic("config: " + name + " is no boolean")
	}
	return is
}

// List returns the items of a list.
func (b *Broker) List(name string) []string {
	v, _ := b.value(name)
	return Items(v)
}

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// aliases are the topic configs of typelog that Confluent has another name for. Either name has its effect, and what is
// shown under each is what holds by both.
var aliases = [...]struct {
	own, confluent string
	translate      func(own, confluent string) (string, string)
}{
	{"typelog.key.contract", "confluent.key.schema.validation", validation},
	{"typelog.value.contract", "confluent.value.schema.validation", validation},
	{"typelog.key.subject.strategy", "confluent.key.subject.name.strategy", strategy},
	{"typelog.value.subject.strategy", "confluent.value.subject.name.strategy", strategy},
}

// validation takes the stronger of typelog's own level and Confluent's switch.
func validation(own, confluent string) (string, string) {
	if on, _ := parseBool(confluent); on && (own == "" || own == "off") {
		own = "registered"
	}
	if on, _ := parseBool(confluent); !on && (own == "registered" || own == "reject") {
		confluent = "true"
	}
	return own, confluent
}

// strategies are typelog's names of the strategies, in the order of contract.Strategy, and Confluent's.
var (
	strategies          = []string{"topic", "record", "topic-record"}
	confluentStrategies = []string{strategyClass + "TopicNameStrategy", strategyClass + "RecordNameStrategy", strategyClass + "TopicRecordNameStrategy"}
)

const strategyClass = "io.confluent.kafka.serializers.subject."

// strategy gives each name what the other says, unless it says something itself.
func strategy(own, confluent string) (string, string) {
	for i := range strategies {
		switch {
		case own == "" && confluent == confluentStrategies[i]:
			return strategies[i], confluent
		case confluent == "" && own == strategies[i]:
			return own, confluentStrategies[i]
		}
	}
	return own, confluent
}

// effective returns a topic's own configs with what aliases say added, and from which config that comes. What is not valid
// says nothing.
func effective(own map[string]string) (holds, from map[string]string) {
	value := func(name string) string {
		v, ok := own[name]
		if t := findTopic(name); !ok || t == nil || !t.valid(strings.TrimSpace(v)) {
			return ""
		}
		return strings.TrimSpace(v)
	}
	note := func(name, had, has, because string) {
		if had == has {
			return
		}
		if from == nil {
			holds, from = maps.Clone(own), map[string]string{}
		}
		holds[name], from[name] = has, because
	}
	holds = own
	for _, a := range aliases {
		mine, theirs := value(a.own), value(a.confluent)
		m, t := a.translate(mine, theirs)
		note(a.own, mine, m, a.confluent)
		note(a.confluent, theirs, t, a.own)
	}
	return holds, from
}

// contradicts finds a pair of aliases by which a topic says two things. Contracts cannot: the stronger holds.
func contradicts(own map[string]string) error {
	for _, a := range aliases {
		mine, ok1 := own[a.own]
		theirs, ok2 := own[a.confluent]
		if !ok1 || !ok2 {
			continue
		}
		mine, theirs = strings.TrimSpace(mine), strings.TrimSpace(theirs)
		if i := slices.Index(strategies, mine); i >= 0 && confluentStrategies[i] != theirs {
			return fmt.Errorf("%w for %s: %s, but %s is %s; set one of the two", ErrInvalid, a.own, mine, a.confluent, theirs)
		}
	}
	return nil
}

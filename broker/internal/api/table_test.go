package api

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log/memlog"
)

// unguarded are the keys that anybody may send: versions, and lists that show each caller only what it may see.
var unguarded = map[string]bool{"ApiVersions": true, "ListGroups": true, "ListTransactions": true}

type denyAll struct{}

func (denyAll) Allowed(context.Context, string, Operation, ResourceKind, string) bool { return false }

// TestNobodyGetsPastDenyAll sends a request with every field filled in for every row and version of the table, to a broker
// whose authorizer refuses everything. Each answer must carry authorization errors, and nothing but them.
func TestNobodyGetsPastDenyAll(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	topic := s.topic(t, "filled", 1, nil)
	s.Authorizer = denyAll{}
	for _, e := range table() {
		if unguarded[e.name] {
			continue
		}
		for version := e.min; version <= e.max; version++ {
			req := kmsg.RequestForKey(e.key)
			req.SetVersion(version)
			fill(reflect.ValueOf(req).Elem(), topic)
			p := s.dial(t)
			p.send(req)
			codes := errorCodes(reflect.ValueOf(p.receive(0)).Elem(), nil)
			if len(codes) == 0 {
				t.Errorf("%s v%d: answered without an error", e.name, version)
			}
			for _, code := range codes {
				err := kerr.ErrorForCode(code)
				if err == nil || !strings.Contains(err.Error(), "AUTHORIZATION_FAILED") {
					t.Errorf("%s v%d: %v", e.name, version, err)
				}
			}
		}
	}
	if s.Catalog.named("filled") == nil || len(s.Catalog.all()) != 1 {
		t.Error("somebody changed the topics")
	}
}

// fill puts something into every field: one element into each array, the topic's id into ids.
func fill(v reflect.Value, known *topic) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch name := v.Type().Field(i).Name; {
		case name == "Version" || name == "UnknownTags":
			continue
		case name == "Acks": // 0 would not be answered
			f.SetInt(-1)
			continue
		case name == "EndpointType":
			f.SetInt(1)
			continue
		}
		fillOne(f, known)
	}
}

func fillOne(f reflect.Value, known *topic) {
	switch f.Kind() {
	case reflect.String:
		f.SetString(known.name)
	case reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
		fillOne(f.Elem(), known)
	case reflect.Struct:
		fill(f, known)
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		fillOne(f.Index(0), known)
	case reflect.Array:
		if f.Len() == len(known.id) && f.Type().Elem().Kind() == reflect.Uint8 {
			reflect.Copy(f, reflect.ValueOf(known.id))
		}
	}
}

// errorCodes collects the fields named ErrorCode, and the other arrays' worth of content that a refusal must not have.
func errorCodes(v reflect.Value, codes []int16) []int16 {
	deepest := len(codes)
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Slice:
			for j := range f.Len() {
				if f.Index(j).Kind() == reflect.Struct {
					codes = errorCodes(f.Index(j), codes)
				}
			}
		case reflect.Struct:
			if v.Type().Field(i).Name != "UnknownTags" {
				codes = errorCodes(f, codes)
			}
		}
	}
	// An error of the whole answer counts where nothing below it has one: 0 above an element's error is not a success.
	if f := v.FieldByName("ErrorCode"); f.IsValid() && (f.Int() != 0 || len(codes) == deepest) {
		codes = append(codes, int16(f.Int()))
	}
	return codes
}

// TestTableIsSorted keeps the table readable, and free of duplicates.
func TestTableIsSorted(t *testing.T) {
	last := int16(-1)
	for _, e := range table() {
		if e.key <= last {
			t.Errorf("%s (%d) comes after %d", e.name, e.key, last)
		}
		last = e.key
		if max := kmsg.RequestForKey(e.key).MaxVersion(); e.max > max || e.min > e.max {
			t.Errorf("%s: versions %d to %d, kmsg knows %d", e.name, e.min, e.max, max)
		}
		if budget := 48 << 20; !e.bulk && e.limit*max(e.cost, 80) > budget {
			t.Errorf("%s: a request of its limit, %d bytes, never fits the default memory budget", e.name, e.limit)
		}
		if e.begin == nil || !e.bulk && e.limit <= 0 {
			t.Errorf("%s: incomplete", e.name)
		}
	}
}

package avro

import (
	"fmt"

	"github.com/typelog/typelog/serde/avro/schema"
)

// How logical types resolve. A logical type on one side only is an annotation that came or went: the underlying types
// decide. Where both sides have one, the value must stay the same number, date or time: finer units and larger scales are
// converted exactly, everything else that differs is refused.

// timeUnits are the units per second of the logical types of time, with what they measure.
var timeUnits = map[string]struct {
	measures  string
	perSecond int64
}{
	"time-millis":            {"time", 1e3},
	"time-micros":            {"time", 1e6},
	"timestamp-millis":       {"timestamp", 1e3},
	"timestamp-micros":       {"timestamp", 1e6},
	"timestamp-nanos":        {"timestamp", 1e9},
	"local-timestamp-millis": {"local-timestamp", 1e3},
	"local-timestamp-micros": {"local-timestamp", 1e6},
	"local-timestamp-nanos":  {"local-timestamp", 1e9},
}

// logicalStep fills s if the logical types decide how to resolve; done is false if the underlying types do.
func logicalStep(s *step, w, r *schema.Type) (done bool, err error) {
	if w.Logical == nil || r.Logical == nil {
		return false, nil
	}
	from, to := w.Logical, r.Logical
	switch {
	case from.Name == "decimal" && to.Name == "decimal":
		return decimalStep(s, w, r)
	case from.Name == to.Name:
		return false, nil
	}
	a, b := timeUnits[from.Name], timeUnits[to.Name]
	if a.measures == "" || a.measures != b.measures {
		return false, mismatch(w, r, "the logical types mean different things")
	}
	if a.perSecond > b.perSecond {
		return false, mismatch(w, r, "the reader's unit is coarser, so digits would be lost")
	}
	s.kind, s.factor = stepScale, b.perSecond/a.perSecond
	return true, nil
}

func decimalStep(s *step, w, r *schema.Type) (done bool, err error) {
	if w.Kind != r.Kind {
		return false, nil // bytes and fixed: no promotion
	}
	if w.Kind == schema.Fixed && (w.Size != r.Size || !namesMatch(w, r)) {
		return false, nil
	}
	from, to := w.Logical, r.Logical
	if to.Scale < from.Scale {
		return false, mismatch(w, r, "the reader's scale is smaller, so digits would be lost")
	}
	if whole := from.Precision - from.Scale; to.Precision-to.Scale < whole {
		return false, mismatch(w, r, fmt.Sprintf("the reader's type has no room for %d digits before the point", whole))
	}
	if to.Scale > maxScale {
		return false, mismatch(w, r, fmt.Sprintf("scales beyond %d are not supported", maxScale))
	}
	if from.Scale == to.Scale {
		return false, nil // the same number in the same bytes
	}
	s.kind = stepDecimal
	return true, nil
}

package group

import (
	"slices"
	"testing"
)

func FuzzSubscriptionTopics(f *testing.F) {
	f.Add(subscription("a+b"))
	f.Add([]byte{0, 3, 0, 0, 0, 1, 0, 1, 't', 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255})
	f.Add([]byte{0, 0, 0x7f, 255, 255, 255})
	f.Add([]byte{0, 0, 0, 0, 0, 1, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		topics, err := subscriptionTopics(b)
		if err != nil {
			return
		}
		size := 6
		for _, topic := range topics {
			size += 2 + len(topic)
		}
		if size > len(b) {
			t.Errorf("%d bytes of topics out of %d", size, len(b))
		}
	})
}

func TestSubscriptionTopics(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []byte
		want []string
		ok   bool
	}{
		{"none", subscription(""), []string{}, true},
		{"two", subscription("orders+payments"), []string{"orders", "payments"}, true},
		{"later versions append more", append(subscription("t"), 255, 255, 255, 255), []string{"t"}, true},
		{"empty", nil, nil, false},
		{"cut", subscription("orders")[:9], nil, false},
		{"a count that cannot be", []byte{0, 0, 0x7f, 255, 255, 255}, nil, false},
		{"a negative count", []byte{0, 0, 255, 255, 255, 255}, nil, false},
		{"a null topic", []byte{0, 0, 0, 0, 0, 1, 255, 255}, nil, false},
	} {
		got, err := subscriptionTopics(tc.in)
		if (err == nil) != tc.ok || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
	}
}

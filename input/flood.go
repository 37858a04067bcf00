package input

import (
	"time"
	"unicode/utf8"
)

// maxRate is how many events a second, and how many at once behind a network that
// was cut, a keyboard passes on: twice what the fastest mouse reports.
const maxRate = 2000

// flood bounds the rate of a viewer's events by a bucket of tokens.
type flood struct {
	spent float64 // of maxRate tokens
	at    time.Time
}

// over reports whether an event comes above the rate.
func (f *flood) over(now time.Time, e Event) bool {
	f.spent = max(0, f.spent-maxRate*now.Sub(f.at).Seconds())
	f.at = now
	price := 1.0
	if text, ok := e.(Text); ok {
		price = float64(utf8.RuneCountInString(text.Text))
	}
	if f.spent+price > maxRate {
		return true
	}
	f.spent += price
	return false
}

// releases reports whether an event only lets go or keeps what is held, which is
// done at any rate.
func releases(e Event) bool {
	switch e := e.(type) {
	case Key:
		return e.Action == Up
	case Button:
		return e.Action == Up
	case Release, Renew:
		return true
	}
	return false
}

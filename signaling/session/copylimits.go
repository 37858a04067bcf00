package session

import (
	"slices"
	"time"

	"lucarne/input"
)

// CopyLimits bound what clipboards carry one way. The zero value bounds nothing
// that Config does not.
type CopyLimits struct {
	Types    []string // MIME types that are carried; nil: all
	MaxBytes int      // of one content; 0: Config.MaxClipboard
	// BytesPerMinute is how much the clipboards of all viewers carry together. What
	// comes once it is used up is refused until time lets it pass. 0: no bound.
	BytesPerMinute int
	// Interval is the least time from one content to the next, of all viewers together.
	// What comes earlier is refused. 0: none.
	Interval time.Duration
}

// carried returns the items of types that are carried.
func (l CopyLimits) carried(items []input.Item) []input.Item {
	if l.Types == nil {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), func(item input.Item) bool { return !slices.Contains(l.Types, item.MIME) })
}

// recorded returns the objects of types that are carried.
func (l CopyLimits) recorded(objects []Object) []Object {
	if l.Types == nil {
		return objects
	}
	return slices.DeleteFunc(slices.Clone(objects), func(o Object) bool { return !slices.Contains(l.Types, o.Type) })
}

// CopyBounded says whether what the viewer copies one way is limited or recorded, so that
// it must not go by a way that does neither.
func (v *Viewer) CopyBounded(f Feature) bool {
	l := v.session.cfg.Policy.Copies[f]
	return v.session.cfg.Audit != nil || l.Types != nil || l.MaxBytes > 0 || l.BytesPerMinute > 0 || l.Interval > 0
}

// copyTerms are the limits of one direction, with what Config says.
func (s *Session) copyTerms(f Feature) CopyLimits {
	limits := s.cfg.Policy.Copies[f]
	if limits.MaxBytes <= 0 || limits.MaxBytes > s.cfg.MaxClipboard {
		limits.MaxBytes = s.cfg.MaxClipboard
	}
	return limits
}

// allowance is what has been carried one way of late.
type allowance struct {
	used float64 // bytes, falling by the allowance of a minute in a minute
	at   time.Time
	last time.Time // when a content was last carried
	all  uint64    // bytes carried so far
}

// spent says whether a limit is used up.
func (a *allowance) spent(limits CopyLimits, now time.Time) bool {
	if !a.last.IsZero() && now.Sub(a.last) < limits.Interval {
		return true
	}
	perMinute := float64(limits.BytesPerMinute)
	if perMinute <= 0 {
		return false
	}
	a.used = max(0, a.used-now.Sub(a.at).Minutes()*perMinute)
	a.at = now
	return a.used >= perMinute
}

// minCharge is what the least content counts as, in bytes.
const minCharge = 1 << 10

// charge counts a content.
func (a *allowance) charge(bytes int, now time.Time) {
	a.used += float64(max(bytes, minCharge))
	a.last = now
	a.all += uint64(bytes)
}

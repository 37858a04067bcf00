package session

import (
	"image"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/input"
)

// idle returns a session that types nothing until it is told to.
func idle(t *testing.T) (*Session, *display) {
	d := newDisplay()
	s := New(Config{Screen: d, Log: slog.New(slog.DiscardHandler)})
	s.SetHands(d, d)
	return s, d
}

// typed returns all texts, and the number of other events behind the last of them.
func (d *display) typed() (text string, behind int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.log {
		if t, ok := e.(input.Text); ok {
			text, behind = text+t.Text, 0
		} else {
			behind++
		}
	}
	return text, behind
}

var long = strings.Repeat("日本語", 100)

// A text takes its time and holds nobody up: neither who sends it, nor the pointer,
// nor another's keys; but what its viewer does after it comes after it.
func TestTextTakesItsTime(t *testing.T) {
	s, d := idle(t)
	p, other := &page{v: join(t, s, Owner)}, &page{v: join(t, s, Controller)}
	p.send(input.Text{Text: long})
	p.send(key("Enter", input.Down))
	p.send(key("Enter", input.Up))
	p.send(input.Motion{Pos: image.Pt(1, 1)})
	other.send(key("KeyA", input.Down))
	other.send(key("KeyA", input.Up))
	if text, events := d.typed(); text != "" || events != 3 || p.v.InputSeq() != 0 {
		t.Errorf("%q, %d other events and sequence %d at once, want none, 3 and 0", text, events, p.v.InputSeq())
	}
	for turns := 0; s.typeSome(); turns++ {
		if text, _ := d.typed(); len([]rune(text)) > turns*pieceRunes {
			t.Fatalf("%d characters were typed in %d turns", len([]rune(text)), turns)
		}
	}
	if text, behind := d.typed(); text != long || behind != 2 {
		t.Errorf("%q was typed, with %d events behind, want %q with 2", text, behind, long)
	}
	if got := p.v.InputSeq(); got != 3 {
		t.Errorf("InputSeq = %d, want 3", got)
	}
	p.send(key("KeyA", input.Down))
	if _, behind := d.typed(); behind != 3 {
		t.Error("a key waits for a text that has been typed")
	}
}

func TestRunTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p, other := &page{v: join(t, s, Owner)}, &page{v: join(t, s, Controller)}
		p.send(input.Text{Text: "é"})
		other.send(input.Text{Text: long})
		synctest.Wait()
		if text, _ := d.typed(); len(text) != len("é"+long) {
			t.Errorf("%q was typed", text)
		}
	})
}

// A text that has been acknowledged is typed to its end though its viewer leaves;
// what came after it has not been acknowledged, and is the next viewer's.
func TestTextOfWhoLeaves(t *testing.T) {
	s, d := idle(t)
	p := &page{v: join(t, s, Owner)}
	p.send(input.Text{Text: long})
	p.send(key("Enter", input.Down))
	s.typeSome()
	s.typeSome()
	p.v.Leave()
	for s.typeSome() {
	}
	if text, behind := d.typed(); text != long || behind != 0 {
		t.Errorf("%q was typed, with %d events behind, want %q with none", text, behind, long)
	}
	if got := p.v.InputSeq(); got != 1 {
		t.Errorf("InputSeq = %d, want 1", got)
	}
}

// A page that connects anew goes on after the text that it has begun.
func TestTextOfWhoComesAgain(t *testing.T) {
	s, d := idle(t)
	p := &page{v: join(t, s, Owner)}
	p.send(input.Text{Text: long})
	p.send(key("Enter", input.Down))
	s.typeSome()
	s.typeSome()
	p.v.Lose()
	v, err := s.Join(JoinConfig{Role: Owner, Instead: p.v})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Leave)
	again := &page{v: v}
	again.send(key("Enter", input.Down)) // it has not been acknowledged
	again.send(key("Enter", input.Up))
	for s.typeSome() {
	}
	if text, behind := d.typed(); text != long || behind != 2 || d.events() != pieces(long)+2 {
		t.Errorf("%q was typed, with %d of %d events behind, want %q with 2 of %d",
			text, behind, d.events(), long, pieces(long)+2)
	}
}

// pieces is how many pieces a text is typed in.
func pieces(text string) (n int) {
	for ; text != ""; n++ {
		_, text = cut(text)
	}
	return n
}

// Who has been sent away types no more, not even what was begun.
func TestTextOfWhoIsSentAway(t *testing.T) {
	s, d := idle(t)
	owner := join(t, s, Owner)
	link, _, err := owner.Share(Share{Role: Controller, Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	guest, err := s.Join(JoinConfig{Share: link.ID})
	if err != nil {
		t.Fatal(err)
	}
	(&page{v: guest}).send(input.Text{Text: long})
	s.typeSome()
	s.typeSome()
	if err := owner.Revoke(link.ID); err != nil {
		t.Fatal(err)
	}
	for s.typeSome() {
	}
	if text, _ := d.typed(); len([]rune(text)) != pieceRunes {
		t.Errorf("%q was typed, want a piece", text)
	}
}

// What is held when the page is left is let go at once, not behind the text.
func TestReleaseWaitsForNoText(t *testing.T) {
	s, d := idle(t)
	p := &page{v: join(t, s, Owner)}
	p.send(key("ShiftLeft", input.Down))
	p.send(input.Button{Action: input.Down, Button: 1})
	p.send(input.Text{Text: long})
	p.send(key("KeyA", input.Down))
	p.send(input.Release{})
	if got := d.held(); got != 0 {
		t.Errorf("%d keys and buttons are held, want none", got)
	}
	for s.typeSome() {
	}
	if text, _ := d.typed(); text != long || d.held() != 0 || p.v.InputSeq() != 5 {
		t.Errorf("%q was typed, %d held, sequence %d; want %q, none, 5", text, d.held(), p.v.InputSeq(), long)
	}
}

func TestTextOfWhoLosesControl(t *testing.T) {
	s, d := idle(t)
	owner, w := join(t, s, Owner), join(t, s, Watcher)
	p := &page{v: w}
	p.send(input.Text{Text: "refused"})
	for s.typeSome() {
	}
	if text, _ := d.typed(); text != "" || w.Counts().Refused != 1 {
		t.Errorf("%q was typed, %d refused, want nothing and 1", text, w.Counts().Refused)
	}
	if err := owner.Give(w.ID()); err != nil {
		t.Fatal(err)
	}
	p.send(input.Text{Text: long})
	p.send(key("Enter", input.Down))
	s.typeSome()
	s.typeSome()
	if err := owner.Take(); err != nil {
		t.Fatal(err)
	}
	for s.typeSome() {
	}
	if text, behind := d.typed(); len([]rune(text)) != pieceRunes || behind != 0 {
		t.Errorf("%q and %d events were typed, want a piece", text, behind)
	}
}

// What waits for a text is bounded, and no release is lost by that.
func TestBacklog(t *testing.T) {
	s, d := idle(t)
	p := &page{v: join(t, s, Owner)}
	p.send(input.Text{Text: long})
	for range maxBacklog / 2 {
		p.send(key("KeyA", input.Down))
		p.send(key("KeyA", input.Up))
	}
	p.send(key("KeyB", input.Down))
	p.send(key("KeyB", input.Up))
	for s.typeSome() {
	}
	// The text is one of those that wait, and a release takes the place of four.
	text, behind := d.typed()
	if failed := p.v.Counts().Failed; text != long || behind != maxBacklog-2 || failed != 4 {
		t.Errorf("%d bytes typed, %d events behind, %d failed; want %d, %d, 4", len(text), behind, failed, len(long), maxBacklog-2)
	}
	if got, want := p.v.InputSeq(), uint32(maxBacklog+3); got != want || d.held() != 0 {
		t.Errorf("InputSeq = %d, and %d keys are held; want %d and none", got, d.held(), want)
	}
}

// slowly is a display that asks to come back before each piece, for as often as it says.
type slowly struct {
	*display
	asks int
}

func (d *slowly) Prepare(string) (time.Duration, error) {
	if d.asks == 0 {
		return 0, nil
	}
	d.asks--
	return time.Second, nil
}

// While a text waits for the display nobody waits for it, and its viewer may let go.
func TestTextThatHasToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		s.SetHands(&slowly{display: d, asks: 2}, d)
		p, other := &page{v: join(t, s, Owner)}, &page{v: join(t, s, Controller)}
		p.send(key("ShiftLeft", input.Down))
		p.send(input.Text{Text: "日本"})
		for range 2 {
			synctest.Wait()
			if text, _ := d.typed(); text != "" {
				t.Fatalf("%q was typed before the display was ready", text)
			}
			other.send(key("KeyA", input.Down))
			other.send(key("KeyA", input.Up))
			time.Sleep(time.Second)
		}
		p.send(input.Release{})
		synctest.Wait()
		if text, _ := d.typed(); text != "日本" {
			t.Errorf("%q was typed, want 日本", text)
		}
		if n := d.held(); n != 0 {
			t.Errorf("%d keys are held", n)
		}
		if got, want := d.events(), 2+2*2+1; got != want {
			t.Errorf("%d events, want %d", got, want)
		}
	})
}

// A display that is never ready, for what others type undoes it, holds nobody's text up for
// ever: it types what it is given.
func TestTextThatIsNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		s.SetHands(&slowly{display: d, asks: 1 << 30}, d)
		p, other := &page{v: join(t, s, Owner)}, &page{v: join(t, s, Controller)}
		p.send(input.Text{Text: long[:pieceRunes*2*len("日")]})
		other.send(input.Text{Text: "é"})
		time.Sleep(2*maxPreparing - time.Second)
		synctest.Wait()
		if text, _ := d.typed(); text != long[:pieceRunes*len("日")] {
			t.Errorf("%q was typed while the other piece and the other text wait", text)
		}
		time.Sleep(maxPreparing + 2*time.Second)
		synctest.Wait()
		if text, _ := d.typed(); len(text) != pieceRunes*2*len("日")+len("é") {
			t.Errorf("%q was typed", text)
		}
	})
}

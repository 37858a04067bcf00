package session

import (
	"image"
	"math/rand/v2"
	"testing"

	"lucarne/input"
)

// Whatever pages do while texts are typed, come anew, and get or lose control:
// nothing is held by who has let go, and in the end by nobody.
func TestNothingStaysHeldAroundTexts(t *testing.T) {
	codes := []string{"KeyA", "KeyB", "ShiftLeft"}
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s, d := idle(t)
		owner := join(t, s, Owner)
		pages := []*page{{v: join(t, s, Controller)}, {v: join(t, s, Watcher)}}
		for range 100 {
			n := rnd.IntN(len(pages))
			p := pages[n]
			switch rnd.IntN(12) {
			case 0, 1, 2, 3:
				p.send(key(codes[rnd.IntN(len(codes))], input.Action(rnd.IntN(3))))
			case 4, 5:
				p.send(input.Button{Action: input.Action(rnd.IntN(2)), Button: 1, Pos: image.Pt(1, 1)})
			case 6:
				p.send(input.Text{Text: long})
			case 7:
				p.send(input.Release{})
				if p.v.keyboard.Holds() {
					t.Fatalf("seed %d: something is held behind a release", seed)
				}
			case 8:
				p.v.Lose()
				v, err := s.Join(JoinConfig{Role: p.v.own, Instead: p.v})
				if err != nil {
					t.Fatal(err)
				}
				pages[n] = &page{v: v}
			case 9:
				owner.Give(p.v.ID())
			case 10:
				owner.Take()
			case 11:
				for range rnd.IntN(40) {
					s.typeSome()
				}
			}
		}
		for _, p := range pages {
			p.v.Leave()
		}
		for s.typeSome() {
		}
		if d.held() != 0 || !s.hands.held.Empty() {
			t.Fatalf("seed %d: %d keys and buttons are held", seed, d.held())
		}
		owner.Leave()
	}
}

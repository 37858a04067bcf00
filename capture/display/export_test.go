package display

// SetCookie makes p believe in another cookie.
func SetCookie(p *Plan, cookie []byte) { p.cookie = cookie }

package credentials

// VerifyWith is Verify with another hash function.
func (u User) VerifyWith(password string, fits func(hash, password []byte) bool) bool {
	return u.verify(password, fits)
}

// Slowest returns the cost that a wrong password has.
func (u User) Slowest() int { return u.slowest }

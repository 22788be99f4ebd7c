package api

// Alphabet is what Kubernetes writes random and hashed suffixes with: consonants and digits that form no words and are
// not mistaken for one another (apimachinery util/rand).
const Alphabet = "bcdfghjklmnpqrstvwxz2456789"

const (
	// suffixLength is the number of random characters behind a generateName (apiserver storage/names).
	suffixLength = 5
	// maxNameLength is where a generateName is cut before its suffix, so that the name fits into 63 characters.
	maxNameLength = 63
)

// Suffix turns a random number into the five characters behind a generateName.
func Suffix(random uint64) string {
	var b [suffixLength]byte
	for i := range b {
		b[i] = Alphabet[random%uint64(len(Alphabet))]
		random /= uint64(len(Alphabet))
	}
	return string(b[:])
}

// GenerateName appends a suffix to a generateName, cutting the base so that the result fits.
func GenerateName(base, suffix string) string {
	if limit := maxNameLength - suffixLength; len(base) > limit {
		base = base[:limit]
	}
	return base + suffix
}

// SafeEncode maps every byte of s into Alphabet, as Kubernetes makes hashes safe for names.
func SafeEncode(s string) string {
	b := make([]byte, len(s))
	for i := range len(s) {
		b[i] = Alphabet[int(s[i])%len(Alphabet)]
	}
	return string(b)
}

package registry

// Quick forms of the name checks of apimachinery's validation package, without regular expressions. Each accepts a
// subset of what the library accepts (names_test.go compares them); the library then words the refusals.

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// isLabel accepts DNS-1123 labels: lower case, digits and inner dashes, at most 63 characters.
func isLabel(s string) bool { return len(s) <= 63 && isLabelRunes(s) }

func isLabelRunes(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if isLower(c) || isDigit(c) || c == '-' && i > 0 && i < len(s)-1 {
			continue
		}
		return false
	}
	return true
}

// isLabel1035 accepts DNS-1035 labels, which begin with a letter.
func isLabel1035(s string) bool { return isLabel(s) && isLower(s[0]) }

// isSubdomain accepts DNS-1123 subdomains: dotted labels, at most 253 characters.
func isSubdomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if !isLabelRunes(s[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return true
}

// isQualified accepts label and annotation keys and finalizers: an optional DNS subdomain and slash, then at most 63
// letters, digits and inner '-', '_', '.'.
func isQualified(s string) bool {
	for i := range len(s) {
		if s[i] == '/' {
			return isSubdomain(s[:i]) && isNamePart(s[i+1:])
		}
	}
	return isNamePart(s)
}

// isLabelValue accepts label values: empty, or like the name part of a key.
func isLabelValue(s string) bool { return s == "" || isNamePart(s) }

func isNamePart(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if isLower(c) || isUpper(c) || isDigit(c) {
			continue
		}
		if (c != '-' && c != '_' && c != '.') || i == 0 || i == len(s)-1 {
			return false
		}
	}
	return true
}

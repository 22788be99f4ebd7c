package nameless // want `package nameless does not say what it is for`

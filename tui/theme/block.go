package theme

// Block returns the style's colour as a block with text on it, in a colour that is read on all of them: for areas that
// touch each other. Without colours the text is as it is.
func (t *Theme) Block(s Style) Style {
	ink := color("#ffffff", "231", "15")
	if t.Dark {
		ink = color("#11141a", "233", "0")
	}
	return newStyle(s.lip.Background(s.lip.GetForeground()).Foreground(ink))
}

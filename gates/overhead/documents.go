package overhead

import "fmt"

// The names of the documents that the overall ratio is made of.
const (
	Small  = "small"
	Medium = "medium"
	Large  = "large"
)

// Document is a document that is stored and measured.
type Document struct {
	Name        string
	Category    string
	Description string
	Text        string  // its compact JSON
	Spaced      int     // the bytes of its JSON with a space behind each comma and colon, which older budgets were of
	Fields      []Field // its leaves, for a hash
}

// Documents returns the 15 documents, the same in every call.
func Documents() []Document {
	one := func(name, category, description string, root object) Document {
		return Document{name, category, description, root.text("", ""), len(root.text(" ", " ")), flatten(root)}
	}
	return []Document{
		one("tiny", "basic", "2 fields", object{{"id", 1}, {"name", "test"}}),
		one(Small, "basic", "6 fields, 1 array", object{{"id", 123}, {"name", "John Doe"}, {"email", "john@example.com"}, {"active", true},
			{"score", 95.5}, {"tags", list{"user", "premium"}}}),
		one(Medium, "realistic", "nested objects, arrays", medium()),
		one(Large, "realistic", "10 posts, 20 followers", large()),
		one("array_small", "array-heavy", "10 items", array(10)),
		one("array_medium", "array-heavy", "100 items", array(100)),
		one("array_large", "array-heavy", "1,000 items", array(1000)),
		one("nested_moderate", "nested", "5 levels", nested(0, 5)),
		one("nested_deep", "nested", "20 levels", nested(0, 20)),
		one("homogeneous_u8_small", "homogeneous", "100 numbers of 0 to 255", homogeneous("u8", 100)),
		one("homogeneous_u8_large", "homogeneous", "10,000 numbers of 0 to 255", homogeneous("u8", 10_000)),
		one("homogeneous_float_small", "homogeneous", "100 fractions", homogeneous("float", 100)),
		one("homogeneous_float_large", "homogeneous", "10,000 fractions", homogeneous("float", 10_000)),
		one("homogeneous_int_small", "homogeneous", "100 whole numbers", homogeneous("int", 100)),
		one("homogeneous_int_large", "homogeneous", "10,000 whole numbers", homogeneous("int", 10_000)),
	}
}

func medium() object {
	post := func(id int, title string, likes int, tags ...any) object {
		return object{{"id", id}, {"title", title}, {"likes", likes}, {"tags", list(tags)}}
	}
	return object{
		{"user", object{{"id", 123}, {"name", "John Doe"}, {"email", "john@example.com"}, {"profile", object{
			{"age", 30}, {"city", "San Francisco"}, {"interests", list{"coding", "music", "travel"}},
			{"settings", object{{"theme", "dark"}, {"notifications", true}}},
		}}}},
		{"posts", list{post(1, "First Post", 10, "intro"), post(2, "Second Post", 25, "update", "news")}},
		{"metadata", object{{"created", "2024-01-01"}, {"updated", "2024-12-31"}}},
	}
}

func large() object {
	var posts, followers list
	for i := range 10 {
		posts = append(posts, object{{"id", i}, {"title", fmt.Sprint("Post ", i)}, {"content", "Sample post content that makes it realistic."},
			{"tags", list{"tag1", "tag2", "tag3"}}, {"likes", 10 * i}, {"comments", 2 * i}})
	}
	for i := range 20 {
		followers = append(followers, object{{"id", i}, {"name", fmt.Sprint("user_", i)}})
	}
	return object{
		{"user", object{{"id", 12345}, {"username", "john_doe_2025"}, {"email", "john.doe@example.com"}, {"profile", object{
			{"firstName", "John"}, {"lastName", "Doe"}, {"age", 32}, {"verified", true},
			{"bio", "Software engineer passionate about distributed systems."},
			{"location", object{{"city", "San Francisco"}, {"state", "CA"}, {"coordinates", object{{"lat", 37.7749}, {"lng", -122.4194}}}}},
		}}}},
		{"posts", posts},
		{"followers", followers},
		{"statistics", object{{"total_posts", 10}, {"total_likes", 550}, {"follower_count", 20}}},
	}
}

func array(n int) object {
	var data list
	for i := range n {
		data = append(data, object{{"id", i}, {"value", fmt.Sprint("item_", i)}, {"score", 1.5 * float64(i)}, {"active", i%2 == 0}})
	}
	return object{{"data", data}, {"metadata", object{{"count", n}}}}
}

func nested(level, depth int) object {
	if level >= depth {
		return object{{"value", "leaf"}, {"id", level}}
	}
	return object{{"level", level}, {"data", fmt.Sprintf("level_%d_data", level)}, {"nested", nested(level+1, depth)}}
}

func homogeneous(of string, n int) object {
	var data list
	for i := range n {
		switch of {
		case "u8":
			data = append(data, i%256)
		case "float":
			data = append(data, 1.5*float64(i))
		default:
			data = append(data, i)
		}
	}
	return object{{"data", data}, {"type", of}}
}

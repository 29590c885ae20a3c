"""The little YAML our own files use: nested maps by indentation, scalars, lists of scalars."""


def scalar(text):
    text = text.strip()
    if text in ("", "null", "~"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1].replace('\\"', '"')
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def load(path):
    root = {}
    stack = [(-1, root, None, None)]
    with open(path, encoding="utf-8") as f:
        for line in f:
            body = line.strip()
            if not body or body.startswith("#"):
                continue
            indent = len(line) - len(line.lstrip())
            if body.startswith("- "):
                while stack[-1][0] >= indent:
                    stack.pop()
                _, holder, parent, name = stack[-1]
                if isinstance(holder, dict) and not holder and parent is not None:
                    holder = parent[name] = []
                    stack[-1] = (stack[-1][0], holder, parent, name)
                holder.append(scalar(body[2:]))
                continue
            while stack[-1][0] >= indent:
                stack.pop()
            holder = stack[-1][1]
            key, _, value = body.partition(":")
            key = key.strip().strip("'\"")
            if value.strip():
                holder[key] = scalar(value)
            else:
                holder[key] = {}
                stack.append((indent, holder[key], holder, key))
    return root

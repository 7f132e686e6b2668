# SPDX-License-Identifier: Apache-2.0
"""Every guard of a C file, changed in every simple way.

A list that people keep misses what nobody thought of.  This makes a mutant of

  each if, while and ?:	as if it were always so, and never
  each operand		of && and || left out
  each !			left out
  each comparison		turned round, or off by one
  each statement		left out

It reads C by its tokens; what does not compile any more is no mutant.
"""
import re

TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|^[ \t]*#(?:\\\n|[^\n])*"
    r"|[A-Za-z_]\w*|0[xX]\w+|\d\w*|->|&&|\|\||[<>=!]=|<<=?|>>=?|[-+*/&|^%]=|\+\+|--|\.\.\."
    r"|[^\s\w]", re.S | re.M)
TURNED = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
OPEN, CLOSE = "([{", ")]}"
KEYWORDS = {"return", "break", "continue", "case", "default", "goto", "struct", "static",
            "const", "unsigned", "bool", "enum", "int", "void", "size_t", "uint8_t",
            "uint16_t", "uint32_t", "uint64_t", "typedef", "char", "extern", "else", "do"}
ENDS_LEFT = {"(", "[", "{", ",", ";", "?", ":", "=", "return", "}"}
ENDS_RIGHT = {")", "]", "}", ",", ";", "?", ":"}


class Source:
    def __init__(self, text):
        self.text = text
        self.tokens = [m for m in TOKEN.finditer(text)
                       if not m.group().startswith(("/*", "//")) and
                       not m.group().lstrip().startswith("#")]
        self.words = [m.group() for m in self.tokens]
        self.partner = self.match_brackets()

    def match_brackets(self):
        partner, stack = {}, []
        for i, word in enumerate(self.words):
            if word in OPEN:
                stack.append(i)
            elif word in CLOSE:
                start = stack.pop()
                partner[start], partner[i] = i, start
        return partner

    def span(self, first, last):
        return self.tokens[first].start(), self.tokens[last].end()

    def line(self, i):
        return self.text.count("\n", 0, self.tokens[i].start()) + 1

    def with_change(self, first, last, new):
        start, end = self.span(first, last)
        return self.text[:start] + new + self.text[end:]

    def left_end(self, i, stops):
        """The first token of the operand that ends before token i."""
        i -= 1
        while True:
            if self.words[i] in stops:
                return i + 1
            i = self.partner[i] - 1 if self.words[i] in CLOSE else i - 1

    def right_end(self, i, stops):
        i += 1
        while True:
            if self.words[i] in stops:
                return i - 1
            i = self.partner[i] + 1 if self.words[i] in OPEN else i + 1


def in_assert(source, i):
    """Asserts stay: the explorer runs with them."""
    while i > 0 and source.words[i] not in ";{}":
        if source.words[i] in ("assert", "_Static_assert"):
            return True
        i -= 1
    return False


def conditions(source):
    for i, word in enumerate(source.words):
        if word in ("if", "while") and source.words[i + 1] == "(":
            first, last = i + 2, source.partner[i + 1] - 1
        elif word == "?":
            first, last = source.left_end(i, ENDS_LEFT), i - 1
        else:
            continue
        for value in ("1", "0"):
            yield first, last, value, f"{word} always {'so' if value == '1' else 'not so'}"


def operands(source):
    for i, word in enumerate(source.words):
        if word not in ("&&", "||"):
            continue
        tight = {"&&", "||"} if word == "&&" else {"||"}
        first = source.left_end(i, ENDS_LEFT | tight)
        last = source.right_end(i, ENDS_RIGHT | tight)
        yield first, i, "", f"without the left of {word}"
        yield i, last, "", f"without the right of {word}"


def operators(source):
    for i, word in enumerate(source.words):
        if word == "!":
            yield i, i, "", "without !"
        elif word in TURNED:
            yield i, i, TURNED[word], f"{word} is {TURNED[word]}"


def statement_start(source, i):
    """Past what stands before a statement: labels, else, if (…), for (…)."""
    words = source.words
    while True:
        if words[i] in ("if", "for", "while", "switch") and words[i + 1] == "(":
            i = source.partner[i + 1] + 1
        elif words[i] == "else":
            i += 1
        elif words[i] in ("case", "default"):
            while words[i] != ":":
                i += 1
            i += 1
        else:
            return i


def bodies(source):
    """Of functions: a brace that follows a parenthesis, outside of all others."""
    i = 0
    while i < len(source.words):
        if source.words[i] == "{":
            if source.words[i - 1] == ")":
                yield i, source.partner[i]
            i = source.partner[i]
        i += 1


def statements(source):
    for first, last in bodies(source):
        start = i = first + 1
        while i < last:
            word = source.words[i]
            if word == "(":
                i = source.partner[i]
            elif word in "{}":
                start = i + 1
            elif word == ";":
                begin = statement_start(source, start)
                plain = source.words[begin] not in KEYWORDS
                bare = source.words[begin] == "return" and begin + 1 == i
                if begin < i and (plain or bare):
                    yield begin, i, ";", "without the statement"
                start = i + 1
            i += 1


def mutants_of(text):
    """(line, what, changed text), each once."""
    source = Source(text)
    seen = set()
    for kind in (conditions, operands, operators, statements):
        for first, last, new, what in kind(source):
            if in_assert(source, first):
                continue
            changed = source.with_change(first, last, new)
            if changed == text or changed in seen:
                continue
            seen.add(changed)
            start, end = source.span(first, last)
            shown = " ".join(text[start:end].split())
            yield source.line(first), f"{what}: {shown}", changed

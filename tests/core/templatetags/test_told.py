from core.templatetags.told import told


class TestTold:
    def test_shows_what_stands_between_backticks_as_code(self):
        assert told("Send `If-Match` with it.") == "Send <code>If-Match</code> with it."

    def test_lets_nothing_else_through(self):
        assert told("`<b>` & <script>") == "<code>&lt;b&gt;</code> &amp; &lt;script&gt;"

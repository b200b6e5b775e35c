/* A stand-in for Hellotext.js, for tests only: it remembers what it is asked, and keeps the session and the identity
   in the cookies that the library uses. It sends nothing. */
(function () {
  "use strict";
  function remember(name, args) {
    var calls = JSON.parse(sessionStorage.getItem("calls") || "[]");
    calls.push([name].concat(Array.prototype.slice.call(args)));
    sessionStorage.setItem("calls", JSON.stringify(calls));
  }
  function cookie(name) {
    var found = document.cookie.match("(?:^|;\\s*)" + name + "=([^;]*)");
    return found ? found[1] : "";
  }
  window.Hellotext = {
    initialize: function () {
      remember("initialize", arguments);
      var asked = new URLSearchParams(location.search).get("hello_session");
      document.cookie = "hello_session=" + (asked || cookie("hello_session") || "made-by-the-stand-in") + "; path=/";
      return new Promise(function (resolve) {
        setTimeout(function () {
          remember("initialized", []);
          resolve();
        }, 20);
      });
    },
    track: function () {
      remember("track", arguments);
      return Promise.resolve();
    },
    forget: function () {
      remember("forget", []);
      document.cookie = "hello_user_id=; path=/; max-age=0";
    },
  };
})();

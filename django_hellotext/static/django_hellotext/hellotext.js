/* Starts Hellotext.js when it has arrived, with the configuration that stands in the page, and sends the page's
   events after that, each once. Whatever goes wrong, the page goes on. django-hellotext puts this text into the page,
   or names this file: HELLOTEXT["JS"]["inline"]. A page that changes without being loaded calls
   window.hellotextPage.look() to have its new events sent. */
(function (window, document) {
  "use strict";
  if (window.hellotextPage) {
    window.hellotextPage.look();
    return;
  }
  var sent = {};
  var ready = null;
  window.hellotextPage = { look: look };

  function read(element) {
    try {
      return JSON.parse(element.textContent);
    } catch (error) {
      return null;
    }
  }

  function elements(kind) {
    return document.querySelectorAll('script[type="application/json"][id^="hellotext-' + kind + '-"]');
  }

  function merge(base, over) {
    Object.keys(over).forEach(function (name) {
      var both = [base[name], over[name]].every(function (value) {
        return value && typeof value === "object" && !Array.isArray(value);
      });
      base[name] = both ? merge(base[name], over[name]) : over[name];
    });
    return base;
  }

  function quietly(work) {
    return Promise.resolve().then(work).catch(function () {});
  }

  function start() {
    var config = read(document.getElementById("hellotext-config"));
    if (ready || !config || !window.Hellotext) return;
    elements("options").forEach(function (element) {
      merge(config.options, read(element) || {});
    });
    ready = quietly(function () {
      return window.Hellotext.initialize(config.business, config.options);
    }).then(forget).then(send);
  }

  function forget() {
    if (!/(?:^|;\s*)hellotext_forget=1/.test(document.cookie)) return null;
    document.cookie = "hellotext_forget=; path=/; max-age=0; samesite=lax";
    return quietly(function () {
      return window.Hellotext.forget();
    });
  }

  function send() {
    elements("event").forEach(function (element) {
      var key = window.location.href + " " + element.id;
      var event = read(element);
      if (!event || sent[key]) return;
      sent[key] = true;
      quietly(function () {
        return window.Hellotext.track(event.action, event.parameters);
      });
    });
  }

  function look() {
    if (ready) ready = ready.then(forget).then(send);
  }

  function whenArrived() {
    var library = document.querySelector("script[data-hellotext-library]");
    if (window.Hellotext) start();
    else if (library) library.addEventListener("load", start);
  }

  function whenRead() {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", whenArrived);
    else whenArrived();
  }

  if (document.prerendering) document.addEventListener("prerenderingchange", whenRead, { once: true });
  else whenRead();
})(window, document);

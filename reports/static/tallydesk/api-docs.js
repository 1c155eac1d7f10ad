// The documentation of the API: Swagger UI with this site's schema, in the colours of the other pages.
"use strict";
{
    const place = document.getElementById("documentation");
    const root = document.documentElement;
    const dark = window.matchMedia("(prefers-color-scheme: dark)");

    function dress() {
        const theme = root.dataset.theme;
        root.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && dark.matches));
    }

    // A request that is tried out uses the token that was entered, else the session of the signed-in administrator.
    function withCsrfToken(request) {
        if (!request.loadSpec && place.dataset.csrfToken && !["GET", "HEAD"].includes(request.method)) {
            request.headers["X-CSRFToken"] = place.dataset.csrfToken;
        }
        return request;
    }

    dress();
    dark.addEventListener("change", dress);
    window.SwaggerUIBundle({
        url: new URL(place.dataset.schema, document.baseURI).href,
        domNode: place,
        deepLinking: true,
        defaultModelsExpandDepth: 0,
        docExpansion: "list",
        displayRequestDuration: true,
        persistAuthorization: false,
        requestInterceptor: withCsrfToken,
        tagsSorter: undefined,
        validatorUrl: null,
    });
}
